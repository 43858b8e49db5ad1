-- Leases the job of one partition that is longest due, or the one that an earlier call of the request leased and that is still held.
-- Answers the entries that have no job that can be read, which were taken out of the queue, and the job, if there was one: session,
-- attempt, delivery, excused.
-- KEYS: due, jobs, requests
-- ARGV: nonce, worker, lease in milliseconds, time (empty: the server's), request
local time = now(ARGV[4])
local foreign = {}

local function give(session, job)
  job.nonce = ARGV[1]
  job.worker = ARGV[2]
  job.request = ARGV[5]
  put(KEYS[2], session, job)
  redis.call('HSET', KEYS[3], ARGV[5], session)
  redis.call('ZADD', KEYS[1], time + ARGV[3], session)
  return { foreign, { session, job.attempt, job.delivery, job.excused } }
end

local given = redis.call('HGET', KEYS[3], ARGV[5])
if given then
  local job = get(KEYS[2], given)
  if job and job.request == ARGV[5] then
    -- Under a new nonce: the earlier call, if it still runs, finds itself overtaken and hands back nothing.
    return give(given, job)
  end
  redis.call('HDEL', KEYS[3], ARGV[5])
end
while true do
  local session = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', time, 'LIMIT', 0, 1)[1]
  if not session then
    return { foreign, false }
  end
  local job = get(KEYS[2], session)
  if job then
    forget_request(KEYS[3], job)
    job.delivery = job.delivery + 1
    return give(session, job)
  end
  -- Out of the queue, so that nobody meets it again. What lies in `jobs`, if anything, stays.
  redis.call('ZREM', KEYS[1], session)
  table.insert(foreign, session)
end
