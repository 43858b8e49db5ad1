-- Leases the job of one partition that is longest due. Answers the entries that have no job that can be read, which were taken out of
-- the queue, and the job, if there was one: session, attempt, delivery, excused.
-- KEYS: due, jobs
-- ARGV: nonce, worker, lease in milliseconds, time (empty: the server's)
local time = now(ARGV[4])
local foreign = {}
while true do
  local session = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time, 'LIMIT', 0, 1)[1]
  if not session then
    return { foreign, false }
  end
  local job = get(KEYS[2], session)
  if job then
    job.delivery = job.delivery + 1
    job.nonce = ARGV[1]
    job.worker = ARGV[2]
    put(KEYS[2], session, job)
    redis.call('ZADD', KEYS[1], time + ARGV[3], session)
    return { foreign, { session, job.attempt, job.delivery, job.excused } }
  end
  -- Out of the queue, so that nobody meets it again. What lies in `jobs`, if anything, stays.
  redis.call('ZREM', KEYS[1], session)
  table.insert(foreign, session)
end
