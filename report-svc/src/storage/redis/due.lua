-- Answers since when the job of one partition that is longest due may be leased, or nothing. Changes nothing.
-- KEYS: due
-- ARGV: time (empty: the server's)
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if first[1] and tonumber(first[2]) <= now(ARGV[1]) then
  return tonumber(first[2])
end
return false
