-- How a record is read that redis_records.py has written; put before the scripts that do.

local function tags_of(value)
  local head, at, tags = value:byte(9), 10, {}
  if head >= 128 then
    head, at = head - 128, 18
  end
  for n = 1, head % 64 do
    local size = value:byte(at)
    at = at + 1
    if size == 255 then
      size = struct.unpack('>I4', value, at)
      at = at + 4
    end
    tags[n] = value:sub(at, at + size - 1)
    at = at + size
  end
  return tags
end

-- What the keys of a kind begin with in one home, and the rest: {a}session, id
local function parts_of(key)
  local colon = key:find(':', key:find('}', 1, true), true)
  return key:sub(1, colon - 1), key:sub(colon + 1)
end

local function delete(key, value)
  if not value then return end
  local kind, id = parts_of(key)
  for _, tag in ipairs(tags_of(value)) do
    redis.call('ZREM', kind .. '/' .. tag, id)
  end
  redis.call('DEL', key)
end
