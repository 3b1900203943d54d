-- The hits of the counter KEYS[1] with ARGV[1] more, or fewer, down to none; kept until ARGV[2] (milliseconds).
local hits = tonumber(ARGV[1])
local there = tonumber(redis.call('GET', KEYS[1]) or '0')
if hits == 0 then return there end
if there + hits <= 0 then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('INCRBY', KEYS[1], hits)
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return there + hits
