-- Merges lists of one partition. Every session, and every report, stands in one list of an account, or of a reference, at any time: seen
-- at once, they have each once.
-- KEYS: lists
-- ARGV: first and last id, as in ZRANGE BYLEX, in the order asked for; order (newest, oldest); how many at the most
local parts, nexts = {}, {}
for _, list in ipairs(KEYS) do
  local part
  if ARGV[3] == 'newest' then
    part = redis.call('ZRANGE', list, ARGV[1], ARGV[2], 'BYLEX', 'REV', 'LIMIT', 0, ARGV[4])
  else
    part = redis.call('ZRANGE', list, ARGV[1], ARGV[2], 'BYLEX', 'LIMIT', 0, ARGV[4])
  end
  table.insert(parts, part)
  table.insert(nexts, 1)
end
if #parts == 1 then
  return parts[1]
end
local found = {}
while #found < tonumber(ARGV[4]) do
  local first, from
  for list, part in ipairs(parts) do
    local id = part[nexts[list]]
    if id and (not first or is_before(id, first) == (ARGV[3] == 'oldest')) then
      first, from = id, list
    end
  end
  if not first then
    break
  end
  table.insert(found, first)
  nexts[from] = nexts[from] + 1
end
return found
