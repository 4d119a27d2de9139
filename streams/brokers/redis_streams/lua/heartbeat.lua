-- One heartbeat: renew the membership, expire dead members, and claim my share of the free partitions.
--
-- KEYS: members (zset: member -> expiry in ms), leases (hash: partition -> "member|epoch"), epochs (hash),
--       groups (hash: group -> time of its last heartbeat in s),
--       lease clocks (hash: boot id of a machine -> broker's time minus monotonic time of that machine, in ms),
--       member topics (hash: member -> its topics between line ends), offsets (hash).
-- ARGV: me ("name#incarnation"), lease in ms, 1 for my first heartbeat, group, boot id and monotonic time in ms of my
--       machine, partition...
-- A jump of the broker's clock moves the expiries along, so that no live member loses its partitions.
-- The members that read a topic share its partitions. A member of an earlier version states no topics: it reads all.
-- Each new owner gets a new epoch, which distinguishes a lease that was lost and regained.
-- Returns {owned, to_release}: my leases as {partition, lease, ...}, and the partitions to release.
local members, leases, epochs, me = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local difference, latest_expiry = now - tonumber(ARGV[6]), now + tonumber(ARGV[2])
local jump = difference - tonumber(redis.call('HGET', KEYS[5], ARGV[5]) or difference)
if jump < 1000 then jump = 0 end
local rows = redis.call('ZRANGE', members, 0, -1, 'WITHSCORES')
for i = 1, #rows, 2 do  -- a later expiry was written before the clock was set back
  local expiry = math.min(rows[i + 1] + jump, latest_expiry)
  if expiry ~= tonumber(rows[i + 1]) then redis.call('ZADD', members, string.format('%.0f', expiry), rows[i]) end
end
redis.call('HSET', KEYS[5], ARGV[5], string.format('%.0f', difference))
redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
if ARGV[3] == '1' then
  -- A restarted worker replaces its former incarnation at once, instead of waiting for its lease to expire.
  local name = string.match(me, '^(.*)#')
  for _, other in ipairs(redis.call('ZRANGE', members, 0, -1)) do
    if other ~= me and string.match(other, '^(.*)#') == name then redis.call('ZREM', members, other) end
  end
end
redis.call('HSET', KEYS[4], ARGV[4], time[1])
for i = 2, 7 do redis.call('PERSIST', KEYS[i]) end  -- the keys of an unregistered group expire
redis.call('ZADD', members, latest_expiry, me)
local live = redis.call('ZRANGE', members, 0, -1)
table.sort(live)
local is_live, my_topics, shares = {}, '\n', {}
for _, member in ipairs(live) do is_live[member] = true end
for i = 7, #ARGV do
  local topic = string.match(ARGV[i], '^(.*)/%d+$')
  if not string.find(my_topics, '\n' .. topic .. '\n', 1, true) then my_topics = my_topics .. topic .. '\n' end
end
redis.call('HSET', KEYS[6], me, my_topics)
local topics_of = {}
local stated = redis.call('HGETALL', KEYS[6])
for i = 1, #stated, 2 do
  if is_live[stated[i]] then topics_of[stated[i]] = stated[i + 1] else redis.call('HDEL', KEYS[6], stated[i]) end
end
local function share_of(topic)  -- {my rank, number} of the members that read the topic
  if not shares[topic] then
    local rank, count = 0, 0
    for _, member in ipairs(live) do
      local topics = topics_of[member]
      if not topics or string.find(topics, '\n' .. topic .. '\n', 1, true) then
        if member == me then rank = count end
        count = count + 1
      end
    end
    shares[topic] = {rank, count}
  end
  return unpack(shares[topic])
end
local owned, to_release = {}, {}
for i = 7, #ARGV do
  local partition = ARGV[i]
  local rank, count = share_of(string.match(partition, '^(.*)/%d+$'))
  local lease = redis.call('HGET', leases, partition)
  local owner = lease and string.match(lease, '^(.*)|%d+$')
  local mine = tonumber(string.match(partition, '%d+$')) % count == rank
  if mine and not (owner and is_live[owner]) then
    lease = me .. '|' .. redis.call('HINCRBY', epochs, partition, 1)
    redis.call('HSET', leases, partition, lease)
    owner = me
  end
  if owner == me then
    if mine then
      owned[#owned + 1] = partition
      owned[#owned + 1] = lease
    else
      to_release[#to_release + 1] = partition
    end
  end
end
return {owned, to_release}
