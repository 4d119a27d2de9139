-- Look up articles and index keys of a batch.
-- KEYS: none (the hashes are computed here).
-- ARGV: prefix of texts, prefix of keys, count key, oldest and newest segment, shards of texts, shards of keys,
--   refs concatenated, index keys concatenated.
-- Returns {count of articles, {number, value, ...}, {{number, refs of the key concatenated, ...} per segment}}: refs and
-- keys that the index has, by their number from 1. The newest segment is first.
local texts, keys, newest = ARGV[1], ARGV[2], tonumber(ARGV[5])
local oldest, shards, key_shards = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local byte, sub, floor, call, BYTES = string.byte, string.sub, math.floor, redis.call, 5
local known, lists = {}, {}
for n = 1, #ARGV[8] / BYTES do
  local ref = sub(ARGV[8], (n - 1) * BYTES + 1, n * BYTES)
  local a, b = byte(ref, 1, 2)
  local hash = ':' .. (a * 256 + b) % shards
  for segment = newest, oldest, -1 do
    local value = call('HGET', texts .. ':' .. segment .. hash, ref)
    if value then
      known[#known + 1] = n
      known[#known + 1] = value
      break
    end
  end
end
for segment = newest, oldest, -1 do
  local answer, prefix = {}, keys .. ':' .. segment .. ':'
  for p = 1, #ARGV[9], BYTES do
    local a, b = byte(ARGV[9], p, p + 1)
    local list = call('HGET', prefix .. floor((a * 256 + b) * key_shards / 65536), sub(ARGV[9], p + 2, p + 4))
    if list then
      answer[#answer + 1] = (p - 1) / BYTES + 1
      answer[#answer + 1] = list
    end
  end
  lists[#lists + 1] = answer
end
return {tonumber(call('GET', ARGV[3]) or 0), known, lists}
