#!lua flags=allow-oom
-- Claim stories for the articles of a batch, if the index still is as `look.lua` returned it.
-- KEYS: none (the hashes are computed here).
-- ARGV: prefix of texts, prefix of keys, count key, newest segment, shards of texts, shards of keys, most refs of an
--   index key, count of articles as seen, index keys concatenated, number of refs of each of them as seen, one byte
--   each; then for each claim: ref, value, index keys concatenated.
-- Returns 1 after writing all claims, 0 without writing any: another desk wrote an article that one of these would be
-- compared with.
local texts, keys, count_key, newest = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local shards, key_shards, most, first = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), 11
local byte, sub, floor, call, BYTES = string.byte, string.sub, math.floor, redis.call, 5
local function text_hash(ref)
  local a, b = byte(ref, 1, 2)
  return texts .. ':' .. newest .. ':' .. (a * 256 + b) % shards
end
local function key_hash(p, all)  -- the first two bytes choose the hash, the last three are the field
  local a, b = byte(all, p, p + 1)
  return keys .. ':' .. newest .. ':' .. floor((a * 256 + b) * key_shards / 65536), sub(all, p + 2, p + 4)
end
if tonumber(call('GET', count_key) or 0) ~= tonumber(ARGV[8]) then
  for at = first, #ARGV, 3 do
    if call('HEXISTS', text_hash(ARGV[at]), ARGV[at]) == 1 then return 0 end
  end
  for p = 1, #ARGV[9], BYTES do
    local list = call('HGET', key_hash(p, ARGV[9])) or ''
    if #list ~= BYTES * byte(ARGV[10], (p - 1) / BYTES + 1) then return 0 end
  end
end
for at = first, #ARGV, 3 do
  local ref, all = ARGV[at], ARGV[at + 2]
  call('HSET', text_hash(ref), ref, ARGV[at + 1])
  for p = 1, #all, BYTES do
    local hash, field = key_hash(p, all)
    local list = call('HGET', hash, field) or ''
    if #list < BYTES * most then call('HSET', hash, field, list .. ref) end
  end
end
call('INCRBY', count_key, (#ARGV - first + 1) / 3)
return 1
