-- Record the broker's time and its jump since the last recording by any process.
-- KEYS: clock (hash), jumps (list, newest first).
-- ARGV: the broker's time in s, the monotonic time of the caller's machine in s, the id of the machine's current boot,
--       smallest jump back and smallest jump forward in s.
-- A jump forward is a difference between the broker's clock and the monotonic clock.
-- Returns the jumps as "time after the jump|size in s".
local now, ticks, boot = tonumber(ARGV[1]), tonumber(ARGV[2]), 'boot:' .. ARGV[3]
local before = redis.call('HGET', KEYS[1], boot)  -- a restarted process continues for the one before it
local passed = before and ticks - tonumber(before) or -1
local latest = tonumber(redis.call('HGET', KEYS[1], 'latest') or now)
local jump = 0
if latest - now > tonumber(ARGV[4]) then jump = now - latest
elseif passed >= 0 and now - latest - passed > tonumber(ARGV[5]) then jump = now - latest - passed end
if jump ~= 0 then
  redis.call('LPUSH', KEYS[2], string.format('%.3f|%.3f', now, jump))
  redis.call('LTRIM', KEYS[2], 0, 999)
end
redis.call('HSET', KEYS[1], 'latest', ARGV[1], boot, ARGV[2])
return redis.call('LRANGE', KEYS[2], 0, -1)
