-- Store the subscription of a registered feed. Its former token becomes invalid.
-- It begins with token_of.lua.
-- KEYS: feeds (hash: id -> state), subscriptions (hash: URL of a feed -> value), tokens (hash: token -> URL of a feed).
-- ARGV: feed id, URL, token, subscription.
-- Returns 1 if it was stored, 0 if the feed is removed.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
local former = redis.call('HGET', KEYS[2], ARGV[2])
local token = former and token_of(former)
if token then redis.call('HDEL', KEYS[3], token) end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
return 1
