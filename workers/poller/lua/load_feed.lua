-- Read one field of four hashes. One script instead of a four-command transaction: half the CPU.
-- KEYS: four hashes. ARGV: the field of each.
-- Returns the four values.
local values = {}
for n = 1, 4 do values[n] = redis.call('HGET', KEYS[n], ARGV[n]) end
return values
