-- Claim the name of a publisher for the site of a registered feed, unless another site owns it.
-- A feed keeps its latest names up to a limit. A name without feeds is free.
-- It begins with release_name.lua.
-- KEYS: names (hash: name -> site), names of feeds (hash: feed id -> its names, one per line, the latest last),
--       shared names (hash: name -> number of further feeds), feeds (hash: id -> state).
-- ARGV: name, site, feed id, limit.
-- Returns the site that owns the name, '' if none does.
local name, site, feed = ARGV[1], ARGV[2], ARGV[3]
local owner = redis.call('HGET', KEYS[1], name)
if owner and owner ~= site then return owner end
if redis.call('HEXISTS', KEYS[4], feed) == 0 then return owner or '' end
local before = redis.call('HGET', KEYS[2], feed) or ''
local names, is_new = {}, true
for line in string.gmatch(before, '[^\n]+') do
  if line == name then is_new = false else names[#names + 1] = line end
end
names[#names + 1] = name
if not owner then redis.call('HSET', KEYS[1], name, site)
elseif is_new then redis.call('HINCRBY', KEYS[3], name, 1) end
while #names > tonumber(ARGV[4]) do release_name(KEYS[1], KEYS[3], table.remove(names, 1)) end
local after = table.concat(names, '\n')
if after ~= before then redis.call('HSET', KEYS[2], feed, after) end
return site
