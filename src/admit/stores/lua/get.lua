-- What is news to the reader, and the records of KEYS at one moment. It might write, for all that Redis knows: so a
-- primary that is cut off from its replicas, and a replica, refuse to answer.
local found = redis.call('MGET', unpack(KEYS))
for n, key in ipairs(KEYS) do
  if is_index(key) then found[n] = read(key) end
end
return { news(), found }
