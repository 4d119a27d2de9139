-- Store the schema version with new keys, and create the missing topics.
-- KEYS: schema version, topics, retention. ARGV: schema version, partitions of a new topic, 
--       (topic, retention in s, topic whose partition count it takes if that exists)...
-- Returns the stored schema version, then the partition count of each topic. Changes nothing under another version.
redis.call('SETNX', KEYS[1], ARGV[1])
local version = tonumber(redis.call('GET', KEYS[1]))
local out = {version}
if version ~= tonumber(ARGV[1]) then return out end
for i = 3, #ARGV, 3 do
  redis.call('HSETNX', KEYS[2], ARGV[i], redis.call('HGET', KEYS[2], ARGV[i + 2]) or ARGV[2])
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
  out[#out + 1] = tonumber(redis.call('HGET', KEYS[2], ARGV[i]))
end
return out
