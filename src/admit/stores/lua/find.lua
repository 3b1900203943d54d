-- What is news to the reader, and ids behind one that ARGV names, up to as many as it says then, of those that KEYS[1]
-- names, in the order of their bytes, each followed by its record.
-- Names of what is gone, or bears the tag no more, are taken away.

local index, after, limit = KEYS[1], ARGV[rest + 1], tonumber(ARGV[rest + 2])
local slash = index:find('/', index:find('}', 1, true), true)
local kind, tag = index:sub(1, slash - 1), index:sub(slash + 1)
local found = {}

local function bears(value)
  for _, borne in ipairs(tags_of(value)) do
    if borne == tag then return true end
  end
  return false
end

local from = after == '' and '-' or '(' .. after
while #found < 2 * limit do
  local ids = redis.call('ZRANGE', index, from, '(' .. BEHIND, 'BYLEX', 'LIMIT', 0, 100)
  if #ids == 0 then break end
  for _, id in ipairs(ids) do
    local value = redis.call('GET', kind .. ':' .. id)
    if not value or not bears(value) then
      redis.call('ZREM', index, id)
    elseif #found < 2 * limit then
      found[#found + 1] = id
      found[#found + 1] = value
    end
  end
  from = '(' .. ids[#ids]
end
return { news(), found }
