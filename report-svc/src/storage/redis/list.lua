-- Merges lists of one partition. Every session, and every report, stands in one list of an account, or of a reference, at any time: seen
-- at once, they have each once.
-- KEYS: lists
-- ARGV: first and last id, as in ZRANGE BYLEX, in the order asked for; order (newest, oldest); how many at the most
local found = {}
for _, list in ipairs(KEYS) do
  local part
  if ARGV[3] == 'newest' then
    part = redis.call('ZRANGE', list, ARGV[1], ARGV[2], 'BYLEX', 'REV', 'LIMIT', 0, ARGV[4])
  else
    part = redis.call('ZRANGE', list, ARGV[1], ARGV[2], 'BYLEX', 'LIMIT', 0, ARGV[4])
  end
  for _, id in ipairs(part) do
    table.insert(found, id)
  end
end
if #KEYS > 1 then
  table.sort(found, function(one, other)
    if ARGV[3] == 'newest' then
      return is_before(other, one)
    end
    return is_before(one, other)
  end)
end
for surplus = #found, ARGV[4] + 1, -1 do
  found[surplus] = nil
end
return found
