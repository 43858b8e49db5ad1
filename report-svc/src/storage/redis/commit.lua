-- Changes a session that has the expected version; answers its new version, 0 for a conflict, or -1 when the job is not as the step
-- wants it.
--
-- A client that loses its connection sends the step again, and cannot know that it happened. No two sealed records are alike,
-- so the session that has this step's record one version later had this very step.
-- KEYS: session, events, event counter, report, due, jobs, dead letters, expiries, the lists that the session leaves, those that it
--       enters, those that the report enters, the files that lead to it no more, and the one that does now
-- ARGV: expected version, record, session id, report (empty: none), event id (empty: none), event record,
--       job step (keep, enqueue, finish, finish_dead_letter), attempt, nonce, time (empty: the server's), channel for changes,
--       attempt of the report, its record, moment in milliseconds when the session expires (empty: never), how many lists it leaves,
--       how many it enters, report id, how many lists the report enters, how many files are removed
local held = redis.call('HMGET', KEYS[1], 'version', 'record')
if held[1] ~= ARGV[1] then
  local after = tonumber(ARGV[1]) + 1
  if held[2] == ARGV[2] and tonumber(held[1]) == after then
    return after
  end
  return 0
end
local finished = false
if ARGV[7] == 'finish' then
  finished = is_held(get(KEYS[6], ARGV[3]), ARGV[8], ARGV[9])
elseif ARGV[7] == 'finish_dead_letter' then
  local job = get(KEYS[6], ARGV[3])
  finished = job and job.since and job.attempt == tonumber(ARGV[8])
end
if not finished and ARGV[7] ~= 'keep' and ARGV[7] ~= 'enqueue' then
  return -1
end
local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HSET', KEYS[1], 'record', ARGV[2])
local left = 8 + ARGV[15]
local entered = left + ARGV[16]
local reported = entered + ARGV[18]
local removed = reported + ARGV[19]
for key = 9, #KEYS do
  if key <= left then
    redis.call('ZREM', KEYS[key], ARGV[3])
  elseif key <= entered then
    redis.call('ZADD', KEYS[key], 0, ARGV[3])
  elseif key <= reported then
    redis.call('ZADD', KEYS[key], 0, ARGV[17])
  elseif key <= removed then
    redis.call('DEL', KEYS[key])
  else
    redis.call('SET', KEYS[key], ARGV[3])
  end
end
if ARGV[14] ~= '' then
  redis.call('ZADD', KEYS[8], ARGV[14], ARGV[3])
else
  redis.call('ZREM', KEYS[8], ARGV[3])
end
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[4], ARGV[4])
  redis.call('HSET', KEYS[1], 'attempt:' .. ARGV[12], ARGV[13])
end
if ARGV[5] ~= '' then
  local position = redis.call('INCR', KEYS[3])
  redis.call('XADD', KEYS[2], position .. '-0', 'id', ARGV[5], 'record', ARGV[6])
end
if finished then
  redis.call('HDEL', KEYS[6], ARGV[3])
  redis.call('ZREM', KEYS[5], ARGV[3])
  redis.call('ZREM', KEYS[7], ARGV[3])
elseif ARGV[7] == 'enqueue' then
  put(KEYS[6], ARGV[3], { attempt = tonumber(ARGV[8]), delivery = 0, excused = 0 })
  redis.call('ZREM', KEYS[7], ARGV[3])
  redis.call('ZADD', KEYS[5], now(ARGV[10]), ARGV[3])
  redis.call('PUBLISH', ARGV[11], 'job:' .. KEYS[5])
end
redis.call('PUBLISH', ARGV[11], 'session:' .. ARGV[3])
return version
