-- Queues a job that was set aside as if it were new. Answers 1, also when it is in the queue already; or 0 when there is none of this
-- attempt.
-- KEYS: due, jobs, dead letters
-- ARGV: session, attempt, time (empty: the server's), channel for changes
local job = get(KEYS[2], ARGV[1])
if not job or job.attempt ~= tonumber(ARGV[2]) then
  return 0
end
if job.since then
  put(KEYS[2], ARGV[1], { attempt = job.attempt, delivery = 0, excused = 0 })
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('ZADD', KEYS[1], now(ARGV[3]), ARGV[1])
  redis.call('PUBLISH', ARGV[4], 'job:' .. KEYS[1])
end
return 1
