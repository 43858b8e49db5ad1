-- Answers since when the job of one partition that is longest due may be leased, or nothing; 0 when the partition has a job that an
-- earlier call of the request leased. Changes nothing.
-- KEYS: due, requests
-- ARGV: time (empty: the server's), request
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
  return 0
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[1] and tonumber(first[2]) <= now(ARGV[1]) then
  return tonumber(first[2])
end
return false
