-- Compare-and-set: check all conditions, then run all commands or none.
--
-- KEYS: clock (hash), jumps (list, newest first), as in clock.lua.
-- ARGV: number of conditions, then (key, field, expected, new) for each,
--       then any number of (argument count, command, argument, ...). XADD has the time as its first value.
-- A condition holds if the hash field is `expected` ('' = absent); it is set to `new` at the end. If it is `new`
-- already, this step was done before and only its reply was lost, so it is not repeated.
-- A jump of the clock back is recorded with the first message after it: the opposite jump could hide both.
-- Returns 1 done now, 0 done before, -1 refused.
local commands = 2 + 4 * tonumber(ARGV[1])
local done, open = false, false
for at = 2, commands - 1, 4 do
  local value = redis.call('HGET', ARGV[at], ARGV[at + 1]) or ''
  if value ~= ARGV[at + 2] then
    if value ~= ARGV[at + 3] then return -1 end
    done = true
  elseif ARGV[at + 2] ~= ARGV[at + 3] then
    open = true
  end
end
if done then return open and -1 or 0 end  -- if only some fields are `new`, another step wrote them
local time = redis.call('TIME')
local now = string.format('%.3f', time[1] + time[2] / 1000000)
local function record_jump_back()
  local latest = tonumber(redis.call('HGET', KEYS[1], 'latest') or now)
  if latest - now > 5 then  -- JUMP_BACK_S
    redis.call('LPUSH', KEYS[2], string.format('%s|%.3f', now, now - latest))
    redis.call('LTRIM', KEYS[2], 0, 999)
    redis.call('HSET', KEYS[1], 'latest', now)
  end
end
local at, is_checked = commands, false
while at <= #ARGV do
  local count = tonumber(ARGV[at])
  if ARGV[at + 1] == 'XADD' then
    ARGV[at + 5] = now  -- by the server's clock: retention removes messages by it
    if not is_checked then record_jump_back() end
    is_checked = true
  end
  redis.call(unpack(ARGV, at + 1, at + count))
  at = at + 1 + count
end
for at = 2, commands - 1, 4 do
  if ARGV[at + 2] ~= ARGV[at + 3] then redis.call('HSET', ARGV[at], ARGV[at + 1], ARGV[at + 3]) end
end
return 1
