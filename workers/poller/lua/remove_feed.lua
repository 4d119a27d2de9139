-- Remove a feed and all that is stored about it, in one step.
-- It begins with release_name.lua and token_of.lua.
-- KEYS: feeds, known items, guids (hashes by feed id), feeds of the host (zset: id -> due time),
--       subscriptions (hash: URL of a feed -> value), tokens (hash: token -> URL of a feed),
--       names (hash: name -> site), names of feeds (hash: feed id -> its names, one per line),
--       shared names (hash: name -> number of further feeds).
-- ARGV: feed id, URL.
-- Returns 1 if the feed was registered, 0 otherwise.
local feed, url = ARGV[1], ARGV[2]
local subscription = redis.call('HGET', KEYS[5], url)
local token = subscription and token_of(subscription)
if token then redis.call('HDEL', KEYS[6], token) end
redis.call('HDEL', KEYS[5], url)
for name in string.gmatch(redis.call('HGET', KEYS[8], feed) or '', '[^\n]+') do
  release_name(KEYS[7], KEYS[9], name)
end
redis.call('HDEL', KEYS[8], feed)
redis.call('ZREM', KEYS[4], feed)
redis.call('HDEL', KEYS[2], feed)
redis.call('HDEL', KEYS[3], feed)
return redis.call('HDEL', KEYS[1], feed)
