-- Makes a lease call the latest one of its request. Answers the lease that an earlier call of the request came to, if any.
-- KEYS: request
-- ARGV: nonce of the call, how long the request is remembered in milliseconds
redis.call('HSET', KEYS[1], 'call', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('HGET', KEYS[1], 'lease')
