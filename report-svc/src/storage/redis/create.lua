-- Creates a session with its event; or, when the idempotency key is taken, answers what is kept under it. Sent again after a
-- lost connection it changes nothing.
-- KEYS: session, events, event counter, idempotency
-- ARGV: record, event id, event record, idempotency record (empty: none), its lifetime in milliseconds
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
local position = redis.call('INCR', KEYS[3])
redis.call('XADD', KEYS[2], position .. '-0', 'id', ARGV[2], 'record', ARGV[3])
return false
