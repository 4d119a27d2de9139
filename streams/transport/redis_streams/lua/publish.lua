-- Compare, then do everything or nothing.
--
-- ARGV: number of guards, then (key, field, before, after) for each,
--       then any number of (argument count, command, argument, ...).
-- A guard holds while the hash field is `before` ('' = absent) and is set to `after` at the end. If it is `after`
-- already, this very step was done before and only its answer got lost, so it isn't done again.
-- Returns {1, replies} done now, {0} done before, {-1, key, field, value} refused.
local n, at = tonumber(ARGV[1]), 2
local done = false
for _ = 1, n do
  local key, field, before, after = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local value = redis.call('HGET', key, field) or ''
  if value ~= before then
    if value ~= after then return {-1, key, field, value} end
    done = true
  end
  at = at + 4
end
if done then return {0} end
local replies = {}
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  replies[#replies + 1] = redis.call(unpack(ARGV, at + 1, at + count))
  at = at + 1 + count
end
at = 2
for _ = 1, n do
  if ARGV[at + 2] ~= ARGV[at + 3] then redis.call('HSET', ARGV[at], ARGV[at + 1], ARGV[at + 3]) end
  at = at + 4
end
return {1, replies}
