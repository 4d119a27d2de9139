-- Make feeds due at once, and their hosts too. A host with a poll in progress stays claimed until the poll ends.
-- KEYS: due hosts (zset: host -> due time), claimed hosts (hash: host -> end of the claim),
--       key prefix of a host's feeds (zset: id -> due time).
-- ARGV: (host, feed id)...
-- Returns the ids of the feeds that exist and aren't paused.
local now, due = tonumber(redis.call('TIME')[1]), {}
for i = 1, #ARGV, 2 do
  local host, feed = ARGV[i], ARGV[i + 1]
  if redis.call('ZSCORE', KEYS[3] .. host, feed) then
    redis.call('ZADD', KEYS[3] .. host, 0, feed)
    local claim_end = tonumber(redis.call('HGET', KEYS[2], host) or 0)
    if claim_end < now then redis.call('ZADD', KEYS[1], 0, host) end
    due[#due + 1] = feed
  end
end
return due
