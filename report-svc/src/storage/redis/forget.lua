-- Forgets a partition's consumers that hold nothing and have not asked for anything for a while: replicas come and go, and each
-- brings names of its own. Answers how many.
-- KEYS: jobs
-- ARGV: the while in milliseconds
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local forgotten = 0
for _, fields in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')) do
  local consumer = {}
  for index = 1, #fields, 2 do
    consumer[fields[index]] = fields[index + 1]
  end
  if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[1]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', consumer.name)
    forgotten = forgotten + 1
  end
end
return forgotten
