-- Register a group before it reads: from now on, trimming keeps messages that it has not committed.
-- KEYS: offsets, groups. ARGV: group, (partition, stream, start)...
-- In a new partition, the group starts at the first entry ('earliest'), after the last one ('latest'), or at the offset
-- `start`. Returns the committed offsets.
redis.call('HSET', KEYS[2], ARGV[1], redis.call('TIME')[1])
redis.call('PERSIST', KEYS[1])
local committed = {}
for i = 2, #ARGV, 3 do
  local offset = redis.call('HGET', KEYS[1], ARGV[i])
  if not offset then
    offset = tonumber(ARGV[i + 2]) and ARGV[i + 2] or '0'
    if not tonumber(ARGV[i + 2]) and redis.call('EXISTS', ARGV[i + 1]) == 1 then
      local first = ARGV[i + 2] == 'earliest' and redis.call('XRANGE', ARGV[i + 1], '-', '+', 'COUNT', 1)
      if first and first[1] then
        offset = string.format('%.0f', tonumber(string.sub(first[1][1], 3)) - 1)
      else
        local info = redis.call('XINFO', 'STREAM', ARGV[i + 1])
        for j = 1, #info, 2 do
          if info[j] == 'last-generated-id' then offset = string.sub(info[j + 1], 3) end
        end
      end
    end
    redis.call('HSET', KEYS[1], ARGV[i], offset)
  end
  committed[#committed + 1] = offset
end
return committed
