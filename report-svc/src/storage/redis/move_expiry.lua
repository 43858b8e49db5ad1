-- Moves the moment at which something of a session expires, unless the session has changed. Answers 1, or 0 when it has.
-- KEYS: session, expiries
-- ARGV: session id, its version (0: there is no such session), moment in milliseconds (empty: never)
local held = redis.pcall('HGET', KEYS[1], 'version')
-- What is no session has none.
if type(held) ~= 'string' then
  held = '0'
end
if held ~= ARGV[2] then
  return 0
end
if ARGV[3] ~= '' then
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
else
  redis.call('ZREM', KEYS[2], ARGV[1])
end
return 1
