-- Look up line keys of several sites in one call.
-- KEYS: none (the sites and shards are computed here).
-- ARGV: shards, bytes per line key, 'sum' or 'max' of the segments' numbers of articles ('max': the site has no
-- headlines); then for each query:
--   key prefix of the site, first segment, last segment, line keys concatenated.
-- Returns for each query {article count, {number...}, {number, articles, ...}}: the line keys, by their number from 1,
-- that are headlines, and those that are lines of articles. Most keys are unknown, so numbers of known keys are about
-- 100 times less data than one answer per key.
local shards, size, answers = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
local is_sum = ARGV[3] == 'sum'
for arg = 4, #ARGV, 4 do
  local site, keys = ARGV[arg], ARGV[arg + 3]
  local by_shard, titles, counts = {}, {}, {}
  for n = 1, #keys / size do
    local key = string.sub(keys, (n - 1) * size + 1, n * size)
    local shard = string.byte(key, 1) % shards
    local query = by_shard[shard] or {numbers = {}, fields = {}}
    by_shard[shard] = query
    query.numbers[#query.numbers + 1] = n
    if is_sum then query.fields[#query.fields + 1] = 'h' .. key end
    query.fields[#query.fields + 1] = 'l' .. key
  end
  for shard, query in pairs(by_shard) do
    for segment = tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2]) do
      local values = redis.call('HMGET', site .. ':' .. segment .. ':' .. shard, unpack(query.fields))
      for i, n in ipairs(query.numbers) do
        if is_sum and values[2 * i - 1] then titles[n] = true end
        local articles, before = tonumber(values[is_sum and 2 * i or i] or 0), counts[n] or 0
        if articles > 0 then counts[n] = is_sum and before + articles or math.max(before, articles) end
      end
    end
  end
  local answer = {tonumber(redis.call('GET', site .. ':count') or 0), {}, {}}
  for n = 1, #keys / size do
    if titles[n] then answer[2][#answer[2] + 1] = n end
    if counts[n] then
      answer[3][#answer[3] + 1] = n
      answer[3][#answer[3] + 1] = counts[n]
    end
  end
  answers[#answers + 1] = answer
end
return answers
