-- Release the host of a claimed feed; unschedule the feed if it is removed, or paused as in the given state.
-- KEYS: feeds (hash: id -> state), due hosts (zset: host -> due time), claimed hosts (hash: host -> end of the claim),
--       feeds of the host (zset: id -> due time).
-- ARGV: feed id, state in which the feed is paused ('' if it is removed, '-' to keep it scheduled), host.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') == ARGV[2] then redis.call('ZREM', KEYS[4], ARGV[1]) end
redis.call('ZADD', KEYS[2], 0, ARGV[3])
redis.call('HDEL', KEYS[3], ARGV[3])
