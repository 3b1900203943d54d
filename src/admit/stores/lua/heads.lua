-- Each log that KEYS[1] names, followed by the id of its last entry.
local found = {}
for _, log in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  found[#found + 1] = log
  found[#found + 1] = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1][1]
end
return found
