-- Record the begin of a step before it is handled, so that the next worker knows of a step that ended its worker.
-- KEYS: attempts (hash: partition -> "first|end|owner|alone until|attempts alone").
-- ARGV: owner, a name of this process, then (partition, first offset, end offset)...
-- A step that another process began and did not commit is suspect: its messages are handled one by one.
-- Returns for each partition {1 if its first message must be handled alone, former attempts with it alone}.
local out = {}
for i = 2, #ARGV, 3 do
  local first, last = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local before, stop, owner, alone_until, count =
    string.match(redis.call('HGET', KEYS[1], ARGV[i]) or '-1|0||0|0', '^(%-?%d+)|(%d+)|([^|]*)|(%d+)|(%d+)$')
  before, alone_until, count = tonumber(before), tonumber(alone_until), tonumber(count)
  local was_alone = first < alone_until
  if before ~= first then count = 0
  elseif owner ~= ARGV[1] then
    alone_until = math.max(alone_until, tonumber(stop))
    if was_alone then count = count + 1 end
  end
  local alone = first < alone_until
  if alone then last = first + 1 end
  redis.call('HSET', KEYS[1], ARGV[i], string.format('%d|%d|%s|%d|%d', first, last, ARGV[1], alone_until, count))
  out[#out + 1] = {alone and 1 or 0, count}
end
return out
