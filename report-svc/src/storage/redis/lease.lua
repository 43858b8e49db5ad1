-- Leases the job of one partition that is longest due. What a nonce comes to is decided once: sent again, the same is answered. Answers
-- the entries that have no job that can be read, which were taken out of the queue, and the job, if there was one: session, attempt,
-- delivery, excused. Answers nothing when another call decided that the nonce is not to be leased under; that is kept as ''. That the
-- claim itself found no job is kept as '-'.
-- KEYS: due, jobs, what the nonce came to
-- ARGV: nonce, worker, lease in milliseconds, time (empty: the server's), how long it is remembered in milliseconds
local decided = redis.call('GET', KEYS[3])
if decided == '-' then
  return { {}, false }
end
if decided then
  local job = get(KEYS[2], decided)
  return job and job.nonce == ARGV[1] and { {}, { decided, job.attempt, job.delivery, job.excused } }
end
local time = now(ARGV[4])
local foreign = {}
while true do
  local session = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time, 'LIMIT', 0, 1)[1]
  local job = session and get(KEYS[2], session)
  if job then
    job.delivery = job.delivery + 1
    job.nonce = ARGV[1]
    job.worker = ARGV[2]
    put(KEYS[2], session, job)
    redis.call('ZADD', KEYS[1], time + ARGV[3], session)
    redis.call('SET', KEYS[3], session, 'PX', ARGV[5])
    return { foreign, { session, job.attempt, job.delivery, job.excused } }
  end
  if not session then
    redis.call('SET', KEYS[3], '-', 'PX', ARGV[5])
    return { foreign, false }
  end
  -- Out of the queue, so that nobody meets it again. What lies in `jobs`, if anything, stays.
  redis.call('ZREM', KEYS[1], session)
  table.insert(foreign, session)
end
