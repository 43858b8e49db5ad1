-- Shows jobs: one session's, or those that were set aside. Answers for each: session, attempt, delivery, excused, state, moment in
-- milliseconds, and nonce and worker, or the reason. An entry that we did not write is left out.
-- KEYS: due, jobs, dead letters
-- ARGV: session (empty: those that were set aside), or after which session and how many at the most

local function row(session, job)
  local head = { session, tostring(job.attempt), tostring(job.delivery), tostring(job.excused) }
  local rest
  if job.since then
    rest = { 'dead_letter', string.format('%.0f', job.since), tostring(job.reason) }
  else
    local moment = string.format('%.0f', redis.call('ZSCORE', KEYS[1], session) or 0)
    rest = job.nonce and { 'leased', moment, tostring(job.nonce), tostring(job.worker) } or { 'waiting', moment }
  end
  for _, value in ipairs(rest) do
    table.insert(head, value)
  end
  return head
end

local shown = {}
if ARGV[1] ~= '' then
  local job = get(KEYS[2], ARGV[1])
  if job then
    table.insert(shown, row(ARGV[1], job))
  end
  return shown
end
local limit = tonumber(ARGV[3])
local after = '-'
if ARGV[2] ~= '' then
  after = '(' .. ARGV[2]
end
while #shown < limit do
  local sessions = redis.call('ZRANGEBYLEX', KEYS[3], after, '+', 'LIMIT', 0, limit - #shown)
  if #sessions == 0 then
    break
  end
  for _, session in ipairs(sessions) do
    local job = get(KEYS[2], session)
    if job then
      table.insert(shown, row(session, job))
    end
    after = '(' .. session
  end
end
return shown
