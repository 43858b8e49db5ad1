-- Lets a lease end later. Answers 1, or 0 when it was lost.
-- KEYS: due, jobs
-- ARGV: session, attempt, nonce, time from now in milliseconds, time (empty: the server's)
local job = get(KEYS[2], ARGV[1])
if not is_held(job, ARGV[2], ARGV[3]) then
  return 0
end
redis.call('ZADD', KEYS[1], now(ARGV[5]) + ARGV[4], ARGV[1])
return 1
