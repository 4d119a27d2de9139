-- Read one field of three hashes, and give the poll its place in the order of all polls.
-- KEYS: three hashes, clock (hash). ARGV: the field of each of the three.
-- The order is Redis' time in microseconds, or one more than the last where the clock was set back.
-- One script instead of a transaction: half the CPU.
-- Returns the three values, then the order.
local values = {}
for n = 1, 3 do values[n] = redis.call('HGET', KEYS[n], ARGV[n]) end
local t = redis.call('TIME')
local last = tonumber(redis.call('HGET', KEYS[4], 'order') or 0)
local order = string.format('%.0f', math.max(t[1] * 1000000 + t[2], last + 1))
redis.call('HSET', KEYS[4], 'order', order)
values[4] = order
return values
