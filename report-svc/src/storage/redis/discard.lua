-- Drops a job that was set aside. Answers 1, or 0 when there is none of this attempt.
-- KEYS: due, jobs, dead letters
-- ARGV: session, attempt
local job = get(KEYS[2], ARGV[1])
if not job or not job.since or job.attempt ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
