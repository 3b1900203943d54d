-- What a reader needs in order not to believe what no replica has; put before the scripts that read for him.
-- ARGV begins with a key to write to (none: he believes everything), how many logs there are of which he knows the end,
-- and each of them, followed by the nonce of the last entry that he knows in it.

local mark, rest = ARGV[1], 2 * tonumber(ARGV[2]) + 2

-- The logs that end with another entry than he knows, each followed by the id and the nonce of that. He has to wait
-- until replicas have it, and Redis lets him wait for what he wrote himself alone: so something is written.
local function news()
  local found = {}
  for n = 3, rest, 2 do
    local last = redis.call('XREVRANGE', ARGV[n], '+', '-', 'COUNT', 1)[1]
    local nonce = last and last[2][2]:sub(1, 8) or ''
    if nonce ~= ARGV[n + 1] then
      for _, part in ipairs({ ARGV[n], last and last[1] or '', nonce }) do found[#found + 1] = part end
    end
  end
  if #found > 0 then redis.call('SET', mark, '') end
  return found
end
