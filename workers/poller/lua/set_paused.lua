-- Pause or resume a feed: change its state and its place in the schedule in one step, if the state is as expected.
-- KEYS: feeds (hash: id -> state), due hosts (zset: host -> due time), feeds of the host (zset: id -> due time).
-- ARGV: feed id, expected state, new state, host, '1' to pause.
-- Returns 1 if the feed was changed, 0 otherwise.
local feed = ARGV[1]
if redis.call('HGET', KEYS[1], feed) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], feed, ARGV[3])
if ARGV[5] == '1' then
  redis.call('ZREM', KEYS[3], feed)
else
  redis.call('ZADD', KEYS[3], 0, feed)
  redis.call('ZADD', KEYS[2], 'NX', 0, ARGV[4])
end
return 1
