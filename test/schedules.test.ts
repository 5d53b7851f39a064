import fc from 'fast-check'
import t from 'tap'
import { schedules } from './fixtures/schedule-steps.ts'
import { runSchedule } from './fixtures/schedule-world.ts'

/*
 * Two replicas of the service, one store, one cluster, a Metacontroller, and everybody who disturbs them, in
 * schedules drawn at random. What must hold at every step is in test/fixtures/invariants.ts, what must hold at
 * rest in `unrest` of test/fixtures/schedule-world.ts.
 *
 * It is worth something only while it catches these mistakes, each made by hand in src:
 *
 * - a key is issued before its policy
 * - the key before the current one gets no grace
 * - a key is retired before the Secret with the current one was observed
 * - a retry draws another key
 * - the epoch may fall: live keys or the observed Secret do not count
 * - a proof is trusted without the observed pair
 * - finalize is done without its second pass, or counts time from before the profile was let in again
 *
 * SCHEDULES=10000 runs so many. A failure names SEED and REPLAY, which repeat it; TRACE=1 tells the story.
 */
const { SCHEDULES = '300', SEED, REPLAY, TRACE } = process.env

t.test('whatever happens, and in whatever order', async (t) => {
  const numRuns = Number(SCHEDULES)
  const seed = SEED === undefined ? Date.now() % 2 ** 31 : Number(SEED)
  t.comment(`SEED=${seed}`)
  const trace = TRACE ? (text: string) => void process.stderr.write(`${text}\n`) : undefined
  const details = await fc.check(
    fc.asyncProperty(schedules, (schedule) => runSchedule(schedule, trace)),
    { numRuns, seed, ...(REPLAY && { path: REPLAY }) }
  )
  const { failed, counterexample, counterexamplePath, errorInstance, numShrinks } = details
  if (failed) {
    t.comment(`SEED=${seed} REPLAY=${counterexamplePath}`)
    const [{ setting, steps }] = counterexample ?? [{}]
    t.comment([setting, ...(steps ?? [])].map((each) => JSON.stringify(each)).join('\n'))
  }
  t.notOk(failed, `${String(errorInstance)}, after ${numShrinks} shrinks`)
})
