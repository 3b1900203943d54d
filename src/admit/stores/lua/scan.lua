-- Where a walk over all records goes on that began at ARGV[1], and what it met: each key that matches ARGV[2], and its value.
local met = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local found = { met[1] }
for _, key in ipairs(met[2]) do
  local type = redis.call('TYPE', key).ok -- a counter may be called as an index is
  local value = type == (is_index(key) and 'zset' or 'string') and read(key)
  if value then
    found[#found + 1] = key
    found[#found + 1] = value
  end
end
return found
