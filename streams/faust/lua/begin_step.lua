-- Record the start of a step before its messages are handled. The next worker detects a step that ended its worker.
-- KEYS: attempts (hash: partition -> "first|end|owner|alone until|attempts alone").
-- ARGV: owner, a name of this process, then (partition, first offset, end offset)...
-- A step that another process began and did not commit is suspect: its messages are handled one by one. Only the step
-- of the first suspect partition is recorded, since the others begin later.
-- Returns {number of the suspect partition, former attempts with its first message alone}, or {0, 0}.
local owner, alone_number, alone_count, records = ARGV[1], 0, 0, {}
for i = 2, #ARGV, 3 do
  local first, last = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local before, stop, former_owner, alone_until, count =
    string.match(redis.call('HGET', KEYS[1], ARGV[i]) or '-1|0||0|0', '^(%-?%d+)|(%d+)|([^|]*)|(%d+)|(%d+)$')
  before, alone_until, count = tonumber(before), tonumber(alone_until), tonumber(count)
  local was_alone = first < alone_until
  if before ~= first then count = 0
  elseif former_owner ~= owner then
    alone_until = math.max(alone_until, tonumber(stop))
    if was_alone then count = count + 1 end
  end
  local alone = first < alone_until
  if alone then last = first + 1 end
  local record = string.format('%d|%d|%s|%d|%d', first, last, owner, alone_until, count)
  if alone then
    redis.call('HSET', KEYS[1], ARGV[i], record)
    alone_number, alone_count = (i + 1) / 3, count
    break
  end
  records[#records + 1] = ARGV[i]
  records[#records + 1] = record
end
if alone_number == 0 and #records > 0 then redis.call('HSET', KEYS[1], unpack(records)) end
return {alone_number, alone_count}
