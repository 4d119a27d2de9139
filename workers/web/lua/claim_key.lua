-- Claim an idempotency key for one request, unless it has a reply or another request holds it.
--
-- KEYS: reply (string), claim (hash).
-- ARGV: owner, seconds until the claim expires.
-- Returns {1, false} if the owner holds the key now, {0, reply}, or {0, false} while another request holds it.
local reply = redis.call('GET', KEYS[1])
if reply or redis.call('HSETNX', KEYS[2], 'owner', ARGV[1]) == 0 then return {0, reply} end
redis.call('EXPIRE', KEYS[2], ARGV[2])
return {1, false}
