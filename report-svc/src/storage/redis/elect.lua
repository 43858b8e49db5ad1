-- Lets whoever asks first lead, until its term is over; who leads goes on by asking again. Answers 1 when the one who asks leads now,
-- else 0.
-- KEYS: leader
-- ARGV: who asks, term in milliseconds
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
