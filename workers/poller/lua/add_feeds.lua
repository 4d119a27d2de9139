-- Register feeds and schedule them, in one step; also reschedule registered feeds that an earlier failure left out.
-- KEYS: feeds (hash: id -> state), due hosts (zset: host -> due time), key prefix of a host's feeds (zset: id -> due time).
-- ARGV: (feed id, host, state of a new feed, or '' to schedule a registered one)...
-- Returns for each feed 1 if it is new, 2 if it was registered without being scheduled, else 0.
local out = {}
for i = 1, #ARGV, 3 do
  local feed, host, state = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local result = 0
  if state ~= '' and redis.call('HSETNX', KEYS[1], feed, state) == 1 then result = 1 end
  if redis.call('HEXISTS', KEYS[1], feed) == 1 then
    local is_scheduled = redis.call('ZADD', KEYS[3] .. host, 'NX', 0, feed) == 0
    local is_due = redis.call('ZADD', KEYS[2], 'NX', 0, host) == 0
    if result == 0 and not (is_scheduled and is_due) then result = 2 end
  end
  out[#out + 1] = result
end
return out
