-- Commit offsets, forward only, and only under a valid lease.
-- KEYS: offsets, leases. ARGV: (partition, offset, lease, or '' for no check)... Returns the number of valid leases.
local done = 0
for i = 1, #ARGV, 3 do
  if ARGV[i + 2] == '' or redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[i + 2] then
    if tonumber(ARGV[i + 1]) > tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '-1') then
      redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    end
    done = done + 1
  end
end
return done
