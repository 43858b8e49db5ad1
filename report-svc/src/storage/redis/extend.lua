-- Lets a lease end later. Answers delivery and excused, or nothing when the lease was lost.
-- KEYS: due, jobs
-- ARGV: session, attempt, nonce, time from now in milliseconds, time (empty: the server's)
local job = get(KEYS[2], ARGV[1])
if not is_held(job, ARGV[2], ARGV[3]) then
  return false
end
redis.call('ZADD', KEYS[1], now(ARGV[5]) + ARGV[4], ARGV[1])
return { job.delivery, job.excused }
