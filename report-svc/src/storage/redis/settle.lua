-- Remembers what a lease call came to. Answers 1, or 0 when another call of the same request has begun since: the lease is then not
-- this call's to give.
-- KEYS: request
-- ARGV: nonce of the call, lease, how long the request is remembered in milliseconds
if redis.call('HGET', KEYS[1], 'call') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'lease', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
