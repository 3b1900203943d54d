-- What is news to the reader, and of each log in ARGV, which is followed by where to begin, up to as many entries as
-- stand before them; KEYS names one of them.
-- It might write, for all that Redis knows: so a primary that is cut off from its replicas, and a replica, refuse to
-- answer, and an answer proves that nothing newer was acknowledged.
local pages = {}
for n = rest + 2, #ARGV, 2 do
  pages[#pages + 1] = redis.call('XRANGE', ARGV[n], ARGV[n + 1], '+', 'COUNT', ARGV[rest + 1])
end
return { news(), pages }
