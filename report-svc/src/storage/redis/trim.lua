-- Drops the oldest events of one partition, up to the first one that was not made before a moment. Answers how many.
-- KEYS: events
-- ARGV: the least id of an event that is kept, how many are dropped at the most
local function oldest(count)
  return redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', count)
end

local function is_kept(entry)
  local fields = entry[2]
  return fields[1] == 'id' and not is_before(fields[2], ARGV[1])
end

-- Most calls find nothing: they read one event.
local first = oldest(1)[1]
if not first or is_kept(first) then
  return 0
end
local dropped, last = 0, nil
for _, entry in ipairs(oldest(ARGV[2])) do
  if is_kept(entry) then
    break
  end
  dropped, last = dropped + 1, entry[1]
end
local position = string.match(last, '^%d+')
redis.call('XTRIM', KEYS[1], 'MINID', '=', position .. '-1')
return dropped
