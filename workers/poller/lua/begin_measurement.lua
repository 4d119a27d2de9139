-- Begin a measurement of the desk's lag: number it, and note the reservations whose items are in the topic already.
-- KEYS: backpressure (hash). Returns {number of the measurement, field of a published reservation, ...}.
local out = {redis.call('HINCRBY', KEYS[1], 'sequence', 1)}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'r:' and string.match(all[i + 1], '|0$') then out[#out + 1] = all[i] end
end
return out
