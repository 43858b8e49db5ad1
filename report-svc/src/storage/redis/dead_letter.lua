-- Takes a job from its worker and out of the queue. Answers 1, sent again too; or 0 when the lease was lost otherwise.
-- KEYS: due, jobs, dead letters
-- ARGV: session, attempt, nonce, reason, time (empty: the server's)
local job, done = take_back(KEYS[2], ARGV[1], ARGV[2], ARGV[3])
if not job then
  return done
end
job.since = now(ARGV[5])
job.reason = ARGV[4]
put(KEYS[2], ARGV[1], job)
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[3], 0, ARGV[1])
return 1
