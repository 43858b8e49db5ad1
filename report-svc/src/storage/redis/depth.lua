-- Answers how much work one partition has: jobs that are due, jobs that will be, jobs that were set aside; and for how many milliseconds
-- the one that is longest due has been. Changes nothing.
-- KEYS: due, dead letters
-- ARGV: time (empty: the server's)
local time = now(ARGV[1])
local due = redis.call('ZCOUNT', KEYS[1], '-inf', time)
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local longest = due > 0 and time - tonumber(first[2]) or 0
return { due, redis.call('ZCARD', KEYS[1]) - due, redis.call('ZCARD', KEYS[2]), longest }
