-- Changes a session that has the expected version; answers its new version, 0 for a conflict, or -1 when the job is not as the step
-- wants it.
--
-- A client that loses its connection sends the step again, and cannot know that it happened. No two sealed records are alike,
-- so the session that has this step's record one version later had this very step.
-- KEYS: session, events, event counter, idempotency, due, jobs, dead letters, expiries, answer, the lists that the session leaves, those
--       that it enters; for each report: itself, the lists that it leaves, those that it enters; the files that lead to the session no more, and
--       those that do now
-- ARGV: expected version, record, session id, idempotency record (empty: stays), event id (empty: none), event record,
--       job step (keep, enqueue, finish, finish_dead_letter), attempt, nonce of the lease that is finished or milliseconds until the job
--       that is queued is due, time (empty: the server's), channel for changes,
--       moment in milliseconds when something of the session expires (empty: never), how many lists it leaves, how many it enters,
--       how many attempts and how many reports follow, idempotency record that is to be there, how many files are removed,
--       answer (empty: none), its lifetime in milliseconds;
--       for each attempt: its number, its record;
--       for each report: its id, its record, how many lists it leaves, how many it enters
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
local key, argument = 9, 20
-- Moves an id out of the next lists, and into those after them.
local function move(id, left, entered)
  for _ = 1, left do
    key = key + 1
    redis.call('ZREM', KEYS[key], id)
  end
  for _ = 1, entered do
    key = key + 1
    redis.call('ZADD', KEYS[key], 0, id)
  end
end
move(ARGV[3], tonumber(ARGV[13]), tonumber(ARGV[14]))
for _ = 1, tonumber(ARGV[15]) do
  redis.call('HSET', KEYS[1], 'attempt:' .. ARGV[argument + 1], ARGV[argument + 2])
  argument = argument + 2
end
for _ = 1, tonumber(ARGV[16]) do
  key = key + 1
  redis.call('SET', KEYS[key], ARGV[argument + 2])
  move(ARGV[argument + 1], tonumber(ARGV[argument + 3]), tonumber(ARGV[argument + 4]))
  argument = argument + 4
end
for _ = 1, tonumber(ARGV[18]) do
  key = key + 1
  redis.call('DEL', KEYS[key])
end
for added = key + 1, #KEYS do
  redis.call('SET', KEYS[added], ARGV[3])
end
if ARGV[12] ~= '' then
  redis.call('ZADD', KEYS[8], ARGV[12], ARGV[3])
else
  redis.call('ZREM', KEYS[8], ARGV[3])
end
if ARGV[4] ~= '' and redis.call('GET', KEYS[4]) == ARGV[17] then
  redis.call('SET', KEYS[4], ARGV[4], 'KEEPTTL')
end
if ARGV[19] ~= '' then
  redis.call('SET', KEYS[9], ARGV[19], 'PX', ARGV[20])
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
  redis.call('ZADD', KEYS[5], now(ARGV[10]) + ARGV[9], ARGV[3])
  redis.call('PUBLISH', ARGV[11], 'job:' .. KEYS[5])
end
redis.call('PUBLISH', ARGV[11], 'session:' .. ARGV[3])
return version
