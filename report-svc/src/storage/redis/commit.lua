-- Changes a session that has the expected version; answers its new version, or 0 for a conflict.
--
-- A client that loses its connection sends the step again, and cannot know that it happened. No two sealed records are alike,
-- so the session that has this step's record one version later had this very step.
-- KEYS: session, events, event counter, report, jobs, dead letters
-- ARGV: expected version, record, session id, report (empty: none), event id (empty: none), event record,
--       job step (keep, enqueue, finish, dead_letter), attempt, channel for changes
local held = redis.call('HMGET', KEYS[1], 'version', 'record')
if held[1] ~= ARGV[1] then
  local after = tonumber(ARGV[1]) + 1
  if held[2] == ARGV[2] and tonumber(held[1]) == after then
    return after
  end
  return 0
end
local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HSET', KEYS[1], 'record', ARGV[2])
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[4], ARGV[4])
end
if ARGV[5] ~= '' then
  local position = redis.call('INCR', KEYS[3])
  redis.call('XADD', KEYS[2], position .. '-0', 'id', ARGV[5], 'record', ARGV[6])
end
local changed = 'session:' .. ARGV[3]
if ARGV[7] == 'enqueue' then
  if redis.call('EXISTS', KEYS[5]) == 0 then
    redis.call('XGROUP', 'CREATE', KEYS[5], 'workers', '0', 'MKSTREAM')
  end
  local job = redis.call('XADD', KEYS[5], '*', 'session', ARGV[3], 'attempt', ARGV[8])
  redis.call('HSET', KEYS[1], 'job', job, 'attempt', ARGV[8])
  redis.call('PUBLISH', ARGV[9], 'job:' .. KEYS[5])
elseif ARGV[7] == 'finish' or ARGV[7] == 'dead_letter' then
  local job = redis.call('HMGET', KEYS[1], 'job', 'attempt')
  if job[1] then
    redis.call('XACK', KEYS[5], 'workers', job[1])
    redis.call('XDEL', KEYS[5], job[1])
    redis.call('HDEL', KEYS[1], 'job', 'attempt')
    if ARGV[7] == 'dead_letter' then
      redis.call('XADD', KEYS[6], '*', 'session', ARGV[3], 'attempt', job[2])
    end
  end
end
redis.call('PUBLISH', ARGV[9], changed)
return version
