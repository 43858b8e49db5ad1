-- By bytes, as ZRANGE BYLEX has them: Lua's own order of strings is that of the server's locale. Four bytes at a time, since a page compares
-- many ids that begin alike.
local function is_before(one, other)
  local shorter = math.min(#one, #other)
  local at = 1
  while at + 3 <= shorter do
    local a, b = struct.unpack('>I4', one, at), struct.unpack('>I4', other, at)
    if a ~= b then
      return a < b
    end
    at = at + 4
  end
  while at <= shorter do
    local a, b = string.byte(one, at), string.byte(other, at)
    if a ~= b then
      return a < b
    end
    at = at + 1
  end
  return #one < #other
end
