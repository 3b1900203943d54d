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

-- What is kept of all that an index names stands in it, behind them: no id begins with this byte.
local BEHIND = '\255'

local function is_index(key)
  return key:find('^[^:/]*/', (key:find('}', 1, true))) ~= nil
end

local function read(key)
  if not is_index(key) then return redis.call('GET', key) end
  local found = redis.call('ZRANGE', key, '[' .. BEHIND, '+', 'BYLEX')[1]
  return found and found:sub(2) or false
end

local function delete(key, value)
  if not value then return end
  if is_index(key) then
    redis.call('ZREM', key, BEHIND .. value)
    return
  end
  local kind, id = parts_of(key)
  for _, tag in ipairs(tags_of(value)) do
    redis.call('ZREM', kind .. '/' .. tag, id)
  end
  redis.call('DEL', key)
end
