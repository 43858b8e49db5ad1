-- Finds the job that was leased under a nonce, if it is still held, and lets its lease begin anew. Where nothing was leased yet, nothing
-- ever is: whoever was about to comes too late. Answers session, attempt, delivery, excused; or nothing.
-- KEYS: due, jobs, what the nonce came to
-- ARGV: nonce, lease in milliseconds, time (empty: the server's), how long it is remembered in milliseconds
local session = redis.call('GET', KEYS[3])
if not session then
  redis.call('SET', KEYS[3], '', 'PX', ARGV[4])
  return false
end
local job = get(KEYS[2], session)
if not job or job.nonce ~= ARGV[1] then
  return false
end
redis.call('ZADD', KEYS[1], now(ARGV[3]) + ARGV[2], session)
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return { session, job.attempt, job.delivery, job.excused }
