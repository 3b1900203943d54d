-- All of the changes, or none: 0 and the id of each entry, or the number of the change that was in conflict.
-- KEYS: what each change is about. ARGV: a channel, the home's "late" and "topics", the name of a log that begins now,
-- and four for each change: what (insert, replace, delete, check, append), the version that was read, what is written,
-- and until when.

local channel, late, topics, history = unpack(ARGV, 1, 4)
local changes = #KEYS
local olds = {}

-- While a slot moves to another node of a Cluster, what is not here is an error: now, and not half-way.
local function touch(kind, value)
  for _, name in ipairs(value and tags_of(value) or {}) do redis.call('EXISTS', kind .. '/' .. name) end
end

for n = 1, changes do
  local key, what, was = KEYS[n], ARGV[4 * n + 1], ARGV[4 * n + 2]
  if what == 'append' then
    redis.call('EXISTS', topics)
  else
    olds[n] = read(key)
    if what == 'insert' and olds[n] then return { n } end
    if was ~= '' and (olds[n] or ''):sub(1, 8) ~= was then return { n } end
    if not is_index(key) then
      local kind = parts_of(key)
      touch(kind, what ~= 'check' and olds[n])
      touch(kind, ARGV[4 * n + 3] ~= '' and ARGV[4 * n + 3])
    end
    if ARGV[4 * n + 4] == 'late' then redis.call('EXISTS', late) end
  end
end

-- The index of a tag lives as long as the last that is in it.
local function stay(index, lives, till)
  if till == '' then
    if lives >= 0 then redis.call('PERSIST', index) end
  elseif lives == -2 then
    redis.call('PEXPIREAT', index, till)
  elseif lives >= 0 then
    redis.call('PEXPIREAT', index, till, 'GT')
  end
end

-- Each new name looks at two others, chosen at random, and takes away those whose record is gone: so about half of them
-- are, at most.
local function tag(kind, id, name, till)
  local index = kind .. '/' .. name
  local lives = redis.call('PTTL', index)
  if redis.call('ZADD', index, 0, id) == 1 then
    for _, other in ipairs(redis.call('ZRANDMEMBER', index, 2)) do
      local gone = other:sub(1, 1) ~= BEHIND and redis.pcall('EXISTS', kind .. ':' .. other) == 0
      if gone then redis.call('ZREM', index, other) end
    end
  end
  stay(index, lives, till)
end

local function write_behind(index, old, value, till)
  if old then redis.call('ZREM', index, BEHIND .. old) end
  local lives = redis.call('PTTL', index)
  redis.call('ZADD', index, 0, BEHIND .. value)
  stay(index, lives, till)
end

local function write(key, old, value, till)
  if is_index(key) then return write_behind(key, old, value, till) end
  local kind, id = parts_of(key)
  local tags, kept = tags_of(value), {}
  if till == 'late' then
    redis.call('ZADD', late, 0, key)
    till = ''
  end
  if till == '' then
    redis.call('SET', key, value)
  else
    redis.call('SET', key, value, 'PXAT', till)
  end
  for _, name in ipairs(tags) do
    tag(kind, id, name, till)
    kept[name] = true
  end
  for _, name in ipairs(old and tags_of(old) or {}) do
    if not kept[name] then redis.call('ZREM', kind .. '/' .. name, id) end
  end
end

-- Entries are numbered one after the other, under a name that the log was given when it began.
local function append(key, entry)
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  if not last then redis.call('SADD', topics, key) end
  return redis.call('XADD', key, (last and last[1]:match('^%d+') or history) .. '-*', '', entry)
end

local done = { 0 }
for n = 1, changes do
  local key, what, value, till = KEYS[n], ARGV[4 * n + 1], ARGV[4 * n + 3], ARGV[4 * n + 4]
  if what == 'insert' or what == 'replace' then
    write(key, olds[n], value, till)
  elseif what == 'delete' then
    delete(key, olds[n])
  elseif what == 'append' then
    done[#done + 1] = append(key, value)
  end
end
if #done > 1 then redis.call('PUBLISH', channel, '') end
return done
