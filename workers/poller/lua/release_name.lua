-- Free a name of a feed; it stays owned while further feeds of its site have it.
local function release_name(names, shared, name)
  local others = tonumber(redis.call('HGET', shared, name) or 0)
  if others > 1 then redis.call('HINCRBY', shared, name, -1)
  elseif others == 1 then redis.call('HDEL', shared, name)
  else redis.call('HDEL', names, name) end
end
