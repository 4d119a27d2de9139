-- Store a measurement, which includes the items of the given reservations; ignored after a newer one.
-- KEYS: backpressure (hash). ARGV: number of the measurement, lag in items, free bytes, field of a reservation...
if tonumber(ARGV[1]) <= tonumber(redis.call('HGET', KEYS[1], 'measured') or 0) then return 0 end
redis.call('HSET', KEYS[1], 'measured', ARGV[1], 'lag', ARGV[2], 'free', ARGV[3])
for i = 4, #ARGV do redis.call('HDEL', KEYS[1], ARGV[i]) end
return 1
