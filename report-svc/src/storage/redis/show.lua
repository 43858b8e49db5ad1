-- Shows jobs: one session's, or those that were set aside. Answers for each: session, attempt, delivery, excused, state, moment in
-- milliseconds, and nonce and worker, or the reason. An entry that we did not write is left out.
-- KEYS: due, jobs, dead letters
-- ARGV: session (empty: those that were set aside), or after which session and how many at the most
local sessions
if ARGV[1] ~= '' then
  sessions = { ARGV[1] }
else
  local after = '-'
  if ARGV[2] ~= '' then
    after = '(' .. ARGV[2]
  end
  sessions = redis.call('ZRANGEBYLEX', KEYS[3], after, '+', 'LIMIT', 0, ARGV[3])
end
local shown = {}
for _, session in ipairs(sessions) do
  local job = get(KEYS[2], session)
  if job then
    local row = { session, tostring(job.attempt), tostring(job.delivery), tostring(job.excused) }
    if job.since then
      for _, value in ipairs({ 'dead_letter', string.format('%.0f', job.since), job.reason }) do
        table.insert(row, value)
      end
    else
      local moment = string.format('%.0f', redis.call('ZSCORE', KEYS[1], session) or 0)
      if job.nonce then
        for _, value in ipairs({ 'leased', moment, job.nonce, job.worker }) do
          table.insert(row, value)
        end
      else
        for _, value in ipairs({ 'waiting', moment }) do
          table.insert(row, value)
        end
      end
    end
    table.insert(shown, row)
  end
end
return shown
