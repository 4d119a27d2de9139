-- Read one field of four hashes, and give the poll its place in the order of all polls.
-- KEYS: four hashes, clock (hash). ARGV: the field of each of the four.
-- The order is Redis' time in microseconds, or one more than the last where the clock was set back.
-- One script instead of a transaction: half the CPU.
-- Returns the four values, then the order.
local values = {}
for n = 1, 4 do values[n] = redis.call('HGET', KEYS[n], ARGV[n]) end
local t = redis.call('TIME')
local last = tonumber(redis.call('HGET', KEYS[5], 'order') or 0)
local order = string.format('%.0f', math.max(t[1] * 1000000 + t[2], last + 1))
redis.call('HSET', KEYS[5], 'order', order)
values[5] = order
return values
