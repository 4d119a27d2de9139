-- Trim a topic: remove its oldest messages that are older than `before` and committed by every registered group.
-- KEYS: groups, then the stream of each partition.
-- ARGV: prefix of the groups' offsets, `before` in s ('' = any age), maximum of messages to remove,
--       another group that must have committed them ('' = none), '1' to include uncommitted messages,
--       then the name of each partition.
-- Returns {removable messages, stored messages, removed messages}.
local before, max_removed, required_group = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local groups = redis.call('HKEYS', KEYS[1])

local function floor_of(partition)
  if ARGV[5] == '1' then return math.huge end
  local floor = math.huge
  if required_group ~= '' then floor = tonumber(redis.call('HGET', ARGV[1] .. required_group, partition) or 0) end
  for _, group in ipairs(groups) do
    local offset = redis.call('HGET', ARGV[1] .. group, partition)
    if offset then floor = math.min(floor, tonumber(offset)) end
  end
  return floor
end

local function seq(entry) return tonumber(string.sub(entry[1], 3)) end

local function is_old(stream, number)
  if not before then return true end
  local entry = redis.call('XRANGE', stream, string.format('0-%.0f', number), '+', 'COUNT', 1)[1]
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 't' then return tonumber(entry[2][i + 1]) < before end
  end
  return true
end

-- Return the first number >= `low` to keep. The step doubles, and starts again at each young entry. Distant entries
-- are not probed, so that an entry from a wrong clock does not decide for younger entries before it.
local function first_kept(stream, low, high)
  if not before then return high end
  local step = 1
  while low < high do
    local probe = math.min(low + step, high) - 1
    if is_old(stream, probe) then low, step = probe + 1, step * 2 else high, step = probe, 1 end
  end
  return low
end

local removable, stored, spans = 0, 0, {}
for i = 2, #KEYS do
  local first = redis.call('XRANGE', KEYS[i], '-', '+', 'COUNT', 1)[1]
  if first then
    local last = redis.call('XREVRANGE', KEYS[i], '+', '-', 'COUNT', 1)[1]
    -- The entry number of offset n is n + 1, so the floor is the number of the last entry that all groups committed.
    local low, high = seq(first), math.min(seq(last), floor_of(ARGV[4 + i])) + 1
    local count = math.max(0, first_kept(KEYS[i], low, high) - low)
    removable, stored = removable + count, stored + redis.call('XLEN', KEYS[i])
    spans[#spans + 1] = {KEYS[i], low, count}
  end
end
max_removed = math.min(max_removed, removable)
local passed, granted, removed = 0, 0, 0
for _, span in ipairs(spans) do  -- each partition gives a proportional part of `max_removed`
  passed = passed + span[3]
  local part = removable > 0 and math.floor(passed * max_removed / removable) - granted or 0
  granted = granted + part
  if part > 0 then removed = removed + redis.call('XTRIM', span[1], 'MINID', string.format('0-%.0f', span[2] + part)) end
end
return {removable, stored, removed}
