-- Takes a job from its worker. Answers 1, sent again too; or 0 when the lease was lost otherwise.
-- KEYS: due, jobs
-- ARGV: session, attempt, nonce, delay in milliseconds, 1 when excused, time (empty: the server's), channel for changes
local job, done = take_back(KEYS[2], ARGV[1], ARGV[2], ARGV[3])
if not job then
  return done
end
job.excused = job.excused + ARGV[5]
put(KEYS[2], ARGV[1], job)
redis.call('ZADD', KEYS[1], now(ARGV[6]) + ARGV[4], ARGV[1])
redis.call('PUBLISH', ARGV[7], 'job:' .. KEYS[1])
return 1
