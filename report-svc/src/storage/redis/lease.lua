-- Leases a job of one partition: one whose lease ended, else a new one. Answers session, attempt, delivery, or nothing.
--
-- A stream knows how long an entry has been idle, not for how long it is leased. So an entry is always due when it has been
-- idle for the longest lease, and a shorter lease is given by making the entry look idle already.
-- KEYS: jobs
-- ARGV: consumer, longest lease in milliseconds, lease in milliseconds
if redis.call('EXISTS', KEYS[1]) == 0 then
  return false
end
local entry
local cursor = '0-0'
repeat
  local claimed = redis.call('XAUTOCLAIM', KEYS[1], 'workers', ARGV[1], ARGV[2], cursor, 'COUNT', 1)
  cursor = claimed[1]
  entry = claimed[2][1]
until entry or cursor == '0-0'
if not entry then
  local read = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[1], 'COUNT', 1, 'STREAMS', KEYS[1], '>')
  entry = read and read[1][2][1]
end
if not entry then
  return false
end
redis.call('XCLAIM', KEYS[1], 'workers', ARGV[1], 0, entry[1], 'IDLE', ARGV[2] - ARGV[3], 'JUSTID')
local pending = redis.call('XPENDING', KEYS[1], 'workers', entry[1], entry[1], 1)
return {entry[2][2], tonumber(entry[2][4]), pending[1][4]}
