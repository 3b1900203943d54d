-- Take away up to ARGV[2] things that expired before ARGV[1]; how many there were. KEYS: the home's "late", "topics".
-- Records that are not here Redis takes away by itself; of a log, the last entry stays.

local before, limit, removed = tonumber(ARGV[1]), tonumber(ARGV[2]), 0

for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, limit - 1)) do
  local value = redis.call('GET', key)
  local expires = value and value:byte(9) >= 128 and redis.call('PTTL', key) == -1
  if not expires then -- it was deleted, or replaced by what Redis takes away by itself
    redis.call('ZREM', KEYS[1], key)
  elseif struct.unpack('<d', value, 10) < before then
    delete(key, value)
    redis.call('ZREM', KEYS[1], key)
    removed = removed + 1
  end
end

-- Some entries stay for good, so the first that stays is not the end of what is old; a hundred that stay are.
for _, log in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local from = '-'
  while removed < limit do
    local lines, old = redis.call('XRANGE', log, from, '+', 'COUNT', 101), {}
    for n = 1, math.min(#lines - 1, 100, limit - removed) do
      if struct.unpack('<d', lines[n][2][2], 9) < before then old[#old + 1] = lines[n][1] end
    end
    if #old == 0 then break end
    redis.call('XDEL', log, unpack(old))
    removed = removed + #old
    from = '(' .. lines[math.min(#lines, 100)][1]
  end
end
return removed
