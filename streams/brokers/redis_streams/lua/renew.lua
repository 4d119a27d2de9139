-- Renew a member's expiry. An expired member must rejoin by a heartbeat.
-- KEYS: members (zset: member -> expiry in ms). ARGV: member, lease in ms. Returns 1 renewed, 0 not a member.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
return 1
