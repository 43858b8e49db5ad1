-- Makes a claim the latest one of its request. Answers nothing; or the claim that another call has made since, and changes nothing.
-- KEYS: request
-- ARGV: the claim that was read (empty: none), the new one, how long it is remembered in milliseconds
local latest = redis.call('GET', KEYS[1]) or ''
if latest ~= ARGV[1] and latest ~= ARGV[2] then
  return latest
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false
