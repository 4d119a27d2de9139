-- Trim one stream: only what every registered group has committed, and only what is older than `before`.
-- KEYS: stream, groups. ARGV: partition, offsets-key prefix, `before` in seconds. Returns entries removed.
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first then return 0 end
local floor = math.huge
for _, group in ipairs(redis.call('HKEYS', KEYS[2])) do
  local offset = redis.call('HGET', ARGV[2] .. group, ARGV[1])
  if offset then floor = math.min(floor, tonumber(offset)) end
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local function seq(entry) return tonumber(string.sub(entry[1], 3)) end
local function old(entry)
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 't' then return tonumber(entry[2][i + 1]) < tonumber(ARGV[3]) end
  end
  return true
end
-- The sequence number of offset n is n + 1, so `floor` itself names the last entry that all have committed.
local low, high = seq(first), math.min(seq(last), floor) + 1
while low < high do  -- times rise along a stream as good as always: find the first young entry by halving
  local middle = math.floor((low + high) / 2)
  local entry = redis.call('XRANGE', KEYS[1], string.format('0-%.0f', middle), '+', 'COUNT', 1)[1]
  if entry and old(entry) then low = middle + 1 else high = middle end
end
return redis.call('XTRIM', KEYS[1], 'MINID', string.format('0-%.0f', low))
