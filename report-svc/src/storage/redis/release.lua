-- Takes a job from its worker. Answers 1, sent again too; or 0 when the lease was lost otherwise.
-- KEYS: due, jobs
-- ARGV: session, attempt, nonce, delay in milliseconds, 1 when excused, time (empty: the server's), channel for changes
local job = get(KEYS[2], ARGV[1])
if was_given_back(job, ARGV[2], ARGV[3]) then
  return 1
elseif not is_held(job, ARGV[2], ARGV[3]) then
  return 0
end
job = given_back(job)
job.excused = job.excused + ARGV[5]
put(KEYS[2], ARGV[1], job)
redis.call('ZADD', KEYS[1], now(ARGV[6]) + ARGV[4], ARGV[1])
redis.call('PUBLISH', ARGV[7], 'job:' .. KEYS[1])
return 1
