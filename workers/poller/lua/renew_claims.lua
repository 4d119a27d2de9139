-- Extend the claims on hosts. A host without a claim is skipped: its poll has ended in the meantime.
-- KEYS: due hosts (zset: host -> due time), claimed hosts (hash: host -> end of the claim).
-- ARGV: length of a claim in s, host...
local t = redis.call('TIME')
local claim_end = string.format('%.3f', t[1] + t[2] / 1e6 + ARGV[1])
for i = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
    redis.call('ZADD', KEYS[1], 'XX', claim_end, ARGV[i])
    redis.call('HSET', KEYS[2], ARGV[i], claim_end)
  end
end
