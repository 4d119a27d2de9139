-- Claim due feeds, at most one per host; shift all due times after a jump of the clock.
--
-- Redis has the only clock that all pollers share. A jump of it shifts every due time by the same amount. Otherwise
-- no feed would be polled for as long as the jump, or all feeds at once.
-- A forward jump is a difference between Redis' clock and the monotonic clock of the caller.
--
-- KEYS: due hosts (zset: host -> due time), claimed hosts (hash: host -> end of the claim), clock (hash),
--       feeds (hash: id -> state), host delays (hash: host -> seconds), subscriptions (hash: URL of a feed -> value).
-- ARGV: length of a claim in s, limit, seconds since the caller's last claim (-1: unknown),
--       minimum jump back in s, minimum jump forward in s, key prefix of a host's feeds (zset: id -> due time).
-- Returns {time of the claim, number of clock jumps, {state, host delay or '', subscription or '', order, ...}}.
-- The order of a poll among all polls: Redis' time in microseconds, or one more than the last where that is later.
local t = redis.call('TIME')
local claim_time = string.format('%.3f', t[1] + t[2] / 1e6)
-- Rounded exactly like the stored scores; otherwise the loop below might not terminate.
local now = tonumber(claim_time)
local claim_s, limit, passed_s, host_feeds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[6]
local latest = tonumber(redis.call('HGET', KEYS[3], 'latest') or now)
local jump = 0
if latest - now > tonumber(ARGV[4]) then jump = now - latest
elseif passed_s >= 0 and now - latest - passed_s > tonumber(ARGV[5]) then jump = now - latest - passed_s end
if jump ~= 0 then
  local shift = string.format('%.3f', jump)
  for _, host in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZINCRBY', KEYS[1], shift, host)
    local key = host_feeds .. host
    for _, feed in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, shift, feed) end
  end
  redis.call('HINCRBY', KEYS[3], 'jumps', 1)
end
local claim_end = string.format('%.3f', now + claim_s)
local order = tonumber(redis.call('HGET', KEYS[3], 'order') or 0)
local has_subscriptions = redis.call('EXISTS', KEYS[6]) == 1
local function subscription_of(state)
  if not has_subscriptions then return '' end
  local url = string.match(state, '^%["([^"\\]*)"') or cjson.decode(state)[1]
  return redis.call('HGET', KEYS[6], url) or ''
end
local claimed, count = {}, 0
while count < limit do
  local host = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', claim_time, 'LIMIT', 0, 1)[1]
  if not host then break end
  local first = redis.call('ZRANGE', host_feeds .. host, 0, 0, 'WITHSCORES')
  if not first[1] then redis.call('ZREM', KEYS[1], host)
  elseif tonumber(first[2]) > now then redis.call('ZADD', KEYS[1], first[2], host)
  else
    local state = redis.call('HGET', KEYS[4], first[1])
    if state then
      redis.call('ZADD', KEYS[1], claim_end, host)
      redis.call('HSET', KEYS[2], host, claim_end)
      order = math.max(t[1] * 1000000 + t[2], order + 1)
      local delay = redis.call('HGET', KEYS[5], host) or ''
      for _, value in ipairs({state, delay, subscription_of(state), string.format('%.0f', order)}) do
        claimed[#claimed + 1] = value
      end
      count = count + 1
    else redis.call('ZREM', host_feeds .. host, first[1]) end
  end
end
redis.call('HSET', KEYS[3], 'latest', claim_time, 'order', string.format('%.0f', order))
return {claim_time, redis.call('HGET', KEYS[3], 'jumps') or '', claimed}
