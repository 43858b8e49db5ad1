-- Creates a session with its event; or, when the idempotency key is taken, answers what is kept under it. Sent again after a
-- lost connection it changes nothing.
-- KEYS: session, events, event counter, idempotency, expiries, accounts, the lists that the session belongs into
-- ARGV: record, event id, event record, idempotency record (empty: none), its lifetime in milliseconds, session id,
--       moment in milliseconds when the session expires (empty: never), account
if ARGV[4] ~= '' then
  local kept = redis.call('GET', KEYS[4])
  if kept then
    return kept
  end
  redis.call('SET', KEYS[4], ARGV[4], 'PX', ARGV[5])
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return false
end
redis.call('HSET', KEYS[1], 'version', 1, 'record', ARGV[1])
redis.call('SADD', KEYS[6], ARGV[8])
for list = 7, #KEYS do
  redis.call('ZADD', KEYS[list], 0, ARGV[6])
end
if ARGV[7] ~= '' then
  redis.call('ZADD', KEYS[5], ARGV[7], ARGV[6])
end
local position = redis.call('INCR', KEYS[3])
redis.call('XADD', KEYS[2], position .. '-0', 'id', ARGV[2], 'record', ARGV[3])
return false
