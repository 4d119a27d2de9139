-- Read entries after each position, bounded by count and bytes; at least one entry of a stream that has any.
-- KEYS: streams. ARGV: maximum of entries and of bytes of each stream, then the entry number to read after.
-- Returns {index of the stream, entries, ...}.
local count, max_bytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local out = {}
for i, stream in ipairs(KEYS) do
  local entries, bytes, after, chunk = {}, 0, '(0-' .. ARGV[2 + i], 2
  while #entries < count and bytes < max_bytes do
    chunk = math.min(chunk * 2, 16, count - #entries)  -- small chunks: the server copies large entries for nothing
    local read = redis.call('XRANGE', stream, after, '+', 'COUNT', chunk)
    for _, entry in ipairs(read) do
      for _, field in ipairs(entry[2]) do bytes = bytes + #field end
      if bytes > max_bytes and #entries > 0 then break end
      entries[#entries + 1] = entry
    end
    if #read < chunk then break end
    after = '(' .. read[#read][1]
  end
  if #entries > 0 then
    out[#out + 1] = i
    out[#out + 1] = entries
  end
end
return out
