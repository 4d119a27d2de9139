-- Set a hash field if it still has the expected value.
-- KEYS: hash. ARGV: field, expected value, new value.
-- Returns 1 if the field was set, 0 otherwise.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
