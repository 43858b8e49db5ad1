-- Queues a job that was set aside. Answers 1, also when it is in the queue already; or 0 when there is none of this
-- attempt.
-- KEYS: due, jobs, dead letters
-- ARGV: session, attempt, how many more of its deliveries are excused (empty: none counts any more), time (empty: the server's), channel for changes
local job = get(KEYS[2], ARGV[1])
if not job or job.attempt ~= tonumber(ARGV[2]) then
  return 0
end
if job.since then
  local excused = tonumber(ARGV[3])
  put(KEYS[2], ARGV[1], {
    attempt = job.attempt,
    delivery = excused and job.delivery or 0,
    excused = excused and job.excused + excused or 0,
  })
  redis.call('ZREM', KEYS[3], ARGV[1])
  redis.call('ZADD', KEYS[1], now(ARGV[4]), ARGV[1])
  redis.call('PUBLISH', ARGV[5], 'job:' .. KEYS[1])
end
return 1
