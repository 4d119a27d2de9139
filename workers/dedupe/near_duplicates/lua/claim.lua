#!lua flags=allow-oom
-- Claim a story for an article, if the articles that share an index key with it are those that it was compared with.
-- KEYS: none (the hashes are computed here).
-- ARGV: prefix of texts, prefix of keys, count key, oldest and newest segment, shards of texts, most candidates,
--   most refs of an index key, ref, value, refs of the compared articles concatenated, index keys...
-- Returns {'known', value} for an article in the index, {'claimed'} after writing it, else
-- {'others', refs concatenated, {ref .. value...}}: the candidates, by their number of shared keys.
local texts, keys, count_key, oldest, newest = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local shards, most, bucket, ref, value = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], ARGV[10]
local compared, first_key = ARGV[11], 12
local REF_BYTES, MAX_UNSIGNED_BYTES = 5, 60  -- values without a signature are shorter than this
local byte, sub, floor = string.byte, string.sub, math.floor
local function text_hash(segment, name)
  local a, b = byte(name, 1, 2)
  return texts .. ':' .. segment .. ':' .. (a * 256 + b) % shards
end
local function key_hash(segment, name)  -- 15 bits choose the hash, the last 24 are the field
  local a, b = byte(name, 1, 2)
  return keys .. ':' .. segment .. ':' .. (a * 128 + floor(b / 2)), sub(name, 3, 5)
end
for segment = newest, oldest, -1 do
  local own = redis.call('HGET', text_hash(segment, ref), ref)
  if own then return {'known', own} end
end
local hits, order, lists = {}, {}, {}
for i = first_key, #ARGV do
  for segment = newest, oldest, -1 do
    local list = redis.call('HGET', key_hash(segment, ARGV[i]))
    if segment == newest then lists[i] = list end
    if list then
      for p = 1, #list, REF_BYTES do
        local other = sub(list, p, p + REF_BYTES - 1)
        if not hits[other] then order[#order + 1] = other end
        hits[other] = (hits[other] or 0) + REF_BYTES / #list  -- a key that few articles share weighs more
      end
    end
  end
end
table.sort(order, function(a, b) if hits[a] ~= hits[b] then return hits[a] > hits[b] end return a < b end)
local candidates, refs = {}, ''
for i = 1, math.min(most, #order) do
  local text
  for segment = newest, oldest, -1 do
    text = text or redis.call('HGET', text_hash(segment, order[i]), order[i])
  end
  if text then candidates[#candidates + 1] = order[i] .. text; refs = refs .. order[i] end
end
if refs ~= compared then return {'others', refs, candidates} end
redis.call('HSET', text_hash(newest, ref), ref, value)
if #value > MAX_UNSIGNED_BYTES then
  for i = first_key, #ARGV do
    local list = lists[i] or ''
    if #list < REF_BYTES * bucket then
      local hash, field = key_hash(newest, ARGV[i])
      redis.call('HSET', hash, field, list .. ref)
    end
  end
end
redis.call('INCR', count_key)
return {'claimed'}
