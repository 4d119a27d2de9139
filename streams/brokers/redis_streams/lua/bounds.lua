#!lua flags=no-writes
-- Read the bounds of streams. XINFO would send the first and the last entry of each to the client.
-- KEYS: streams. Returns for each the id that was generated last, and the ids of the first and the last entry; '' if none.
local out = {}
for _, stream in ipairs(KEYS) do
  local ids = {['last-generated-id'] = '', ['first-entry'] = '', ['last-entry'] = ''}
  if redis.call('EXISTS', stream) == 1 then
    local info = redis.call('XINFO', 'STREAM', stream)
    for i = 1, #info, 2 do
      local value = info[i + 1]
      if ids[info[i]] then ids[info[i]] = type(value) == 'table' and value[1] or value or '' end
    end
  end
  for _, name in ipairs({'last-generated-id', 'first-entry', 'last-entry'}) do out[#out + 1] = ids[name] end
end
return out
