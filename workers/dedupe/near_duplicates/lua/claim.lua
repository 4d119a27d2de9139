#!lua flags=allow-oom
-- Claim stories for the articles of a batch, if the index still is as the desk saw it.
-- KEYS: none (the hashes are computed here or by the desk).
-- ARGV: prefix of texts, prefix of keys, count key, newest segment, shards of texts, shards of keys,
--   count of articles as seen, index keys concatenated, number of refs of each of them as seen, one byte each,
--   number of claims; for each claim: ref, value; then for each index key that gets refs: hash, field, all its refs.
-- Returns 1 after writing all claims, 0 without writing any: another desk wrote an article that one of these would be
-- compared with.
local texts, keys, count_key, newest = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local shards, key_shards, claims, first = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[10]), 11
local byte, sub, floor, call, BYTES = string.byte, string.sub, math.floor, redis.call, 5
local lists = first + 2 * claims
local function text_hash(ref)
  local a, b = byte(ref, 1, 2)
  return texts .. ':' .. newest .. ':' .. (a * 256 + b) % shards
end
local function key_hash(p, all)  -- the first two bytes choose the hash, the last three are the field
  local a, b = byte(all, p, p + 1)
  return keys .. ':' .. newest .. ':' .. floor((a * 256 + b) * key_shards / 65536), sub(all, p + 2, p + 4)
end
if tonumber(call('GET', count_key) or 0) ~= tonumber(ARGV[7]) then
  for at = first, lists - 1, 2 do
    if call('HEXISTS', text_hash(ARGV[at]), ARGV[at]) == 1 then return 0 end
  end
  for p = 1, #ARGV[8], BYTES do
    local list = call('HGET', key_hash(p, ARGV[8])) or ''
    if #list ~= BYTES * byte(ARGV[9], (p - 1) / BYTES + 1) then return 0 end
  end
end
for at = first, lists - 1, 2 do call('HSET', text_hash(ARGV[at]), ARGV[at], ARGV[at + 1]) end
for at = lists, #ARGV, 3 do call('HSET', ARGV[at], ARGV[at + 1], ARGV[at + 2]) end
call('INCRBY', count_key, claims)
return 1
