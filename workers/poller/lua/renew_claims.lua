-- Extend the claims on hosts. A host without a claim is skipped: its poll has ended in the meantime.
-- The end comes from the caller's last claim and its monotonic clock, like all due times: `claim` shifts them after a
-- jump of the clock. After a recorded jump nothing is extended, because the poll in progress will be discarded.
-- KEYS: due hosts (zset: host -> due time), claimed hosts (hash: host -> end of the claim), clock (hash).
-- ARGV: end of the claims in s, number of clock jumps at the caller's last claim, host...
if (redis.call('HGET', KEYS[3], 'jumps') or '') ~= ARGV[2] then return end
for i = 3, #ARGV do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
    redis.call('ZADD', KEYS[1], 'XX', ARGV[1], ARGV[i])
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[1])
  end
end
