-- Sets how long a job that is held under a lease stays away from others, with the same consumer or handed to another one.
-- Answers 1, or 0 when the lease was lost.
-- KEYS: session, jobs
-- ARGV: attempt, delivery, longest lease in milliseconds, time in milliseconds, consumer (empty: the same),
--       consumer that stands for nobody, channel for changes, number of deliveries from now on
local job = redis.call('HMGET', KEYS[1], 'job', 'attempt')
if not job[1] or job[2] ~= ARGV[1] then
  return 0
end
local pending = redis.call('XPENDING', KEYS[2], 'workers', job[1], job[1], 1)[1]
if not pending or pending[4] ~= tonumber(ARGV[2]) or pending[2] == ARGV[6] or pending[3] >= tonumber(ARGV[3]) then
  return 0
end
local consumer = ARGV[5]
if consumer == '' then
  consumer = pending[2]
end
redis.call('XCLAIM', KEYS[2], 'workers', consumer, 0, job[1], 'IDLE', ARGV[3] - ARGV[4], 'RETRYCOUNT', ARGV[8], 'JUSTID')
if consumer == ARGV[6] then
  redis.call('PUBLISH', ARGV[7], 'job:' .. KEYS[2])
end
return 1
