-- Drops the oldest events of one partition, up to the first one that was not made before a moment. Answers how many.
-- KEYS: events
-- ARGV: the least id of an event that is kept, how many are dropped at the most
local dropped, last = 0, nil
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[2])) do
  local fields = entry[2]
  if fields[1] == 'id' and fields[2] >= ARGV[1] then
    break
  end
  dropped, last = dropped + 1, entry[1]
end
if last then
  local position = string.match(last, '^%d+')
  redis.call('XTRIM', KEYS[1], 'MINID', '=', position .. '-1')
end
return dropped
