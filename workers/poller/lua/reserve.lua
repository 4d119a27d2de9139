-- Reserve a part of the desk's queue for new items, before they are published.
-- KEYS: backpressure (hash).
-- ARGV: id of the reservation, maximum lag in items, seconds until an unpublished reservation expires,
--       then the bytes of each item in order.
-- Fields: `lag` and `free` (bytes) of the last measurement, and `r:<id>` = "items|bytes|time of expiry, 0: published".
-- Grants the first items that fit; the first item of an empty queue always fits. Returns the number of granted items.
local key, id, max_lag = KEYS[1], ARGV[1], tonumber(ARGV[2])
local now = tonumber(redis.call('TIME')[1])
local lag = redis.call('HGET', key, 'lag')
if not lag then return -1 end  -- never measured
local items, bytes = tonumber(lag), 0
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 2) == 'r:' then
    local n, size, expiry = string.match(all[i + 1], '^(%d+)|(%d+)|(%d+)$')
    if tonumber(expiry) > 0 and tonumber(expiry) < now then redis.call('HDEL', key, all[i])
    else items, bytes = items + n, bytes + size end
  end
end
local free = tonumber(redis.call('HGET', key, 'free')) - bytes
local count, size = 0, 0
for i = 4, #ARGV do
  local fits = items + count < max_lag and size + ARGV[i] <= free
  if not fits and (items + count > 0) then break end
  count, size = count + 1, size + ARGV[i]
end
if count > 0 then
  redis.call('HSET', key, 'r:' .. id, string.format('%d|%d|%d', count, size, now + tonumber(ARGV[3])))
end
return count
