-- Up to ARGV[1] entries of each log that the rest of ARGV names, each followed by where to begin; KEYS names one of them.
-- It might write, for all that Redis knows: so a primary that is cut off from its replicas, and a replica, refuse to
-- answer, and an answer proves that nothing newer was acknowledged.
local pages = {}
for n = 2, #ARGV, 2 do
  pages[n / 2] = redis.call('XRANGE', ARGV[n], ARGV[n + 1], '+', 'COUNT', ARGV[1])
end
return pages
