-- The queue of one partition; stands before every script that touches it.
--
-- due: sorted set of the sessions whose job is in the queue, by the moment in milliseconds from which it may be leased
-- dead letters: sorted set of the sessions whose job was set aside, by name
-- jobs: hash from session to its job: attempt, delivery, excused; nonce and worker while it is leased; given_back, the last lease
--   that handed it back or set it aside; since and reason when it was set aside

-- Milliseconds since 1970, by the server's clock, which all replicas share, unless a test brings its own.
local function now(given)
  if given ~= '' then
    return tonumber(given)
  end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function is_count(value)
  return type(value) == 'number' and value >= 0 and value < 4294967296 and value == math.floor(value)
end

-- A session's job; nil where there is none, or something that we did not write.
local function get(jobs, session)
  local packed = redis.call('HGET', jobs, session)
  if not packed then
    return nil
  end
  local ours, job = pcall(cmsgpack.unpack, packed)
  ours = ours and type(job) == 'table' and is_count(job.attempt) and is_count(job.delivery) and is_count(job.excused)
    and (not job.since or type(job.since) == 'number')
  return ours and job or nil
end

local function put(jobs, session, job)
  redis.call('HSET', jobs, session, cmsgpack.pack(job))
end

local function is_held(job, attempt, nonce)
  return job and job.attempt == tonumber(attempt) and job.nonce == nonce
end

-- A session's job without this lease; or nil, and 1 when the lease gave it back before, 0 when it was lost otherwise.
local function take_back(jobs, session, attempt, nonce)
  local job = get(jobs, session)
  if is_held(job, attempt, nonce) then
    return { attempt = job.attempt, delivery = job.delivery, excused = job.excused, given_back = job.nonce }
  end
  local before = job and job.attempt == tonumber(attempt) and job.given_back == nonce
  return nil, before and 1 or 0
end
