import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { Failure, Report, Share } from './fixtures/simulation/schedule-worker.ts'

/*
 * Two replicas of the service, one store, one cluster, a Metacontroller, and everybody who disturbs them, in
 * schedules drawn at random. What must hold at every step is in test/fixtures/simulation/*-rules.ts, what must
 * hold at rest in rest.ts beside them.
 *
 * It is worth something only while it catches these mistakes, each made by hand in src:
 *
 * - a key is issued before its policy
 * - the key before the current one gets no grace
 * - a key is revoked before the Secret with the current one was observed
 * - a retry draws another key
 * - the epoch may fall: live keys or the observed Secret do not count
 * - a proof is trusted without the observed pair
 * - finalize is done without its second pass
 *
 * SCHEDULES=10000 runs so many, SEED=… the same ones again. A failure names its SEED and REPLAY, which repeat it
 * alone; TRACE=1 with them tells the story.
 */
const { SCHEDULES = '300', SEED, REPLAY, TRACE, CI } = process.env

t.test('whatever happens, and in whatever order', async (t) => {
  const numRuns = Number(SCHEDULES)
  // A change is judged by the same schedules wherever it is judged; whoever develops it looks for new ones.
  const seed = Number(SEED ?? (CI ? 1 : Date.now() % 2 ** 31))
  const isTraced = TRACE !== undefined
  const shares = REPLAY
    ? [{ seed, numRuns, path: REPLAY, isTraced }]
    : sharesOf(numRuns).map((count, index) => ({ seed: seed + index, numRuns: count, isTraced }))
  let ran = 0
  const progress = (count: number) => {
    ran += count
    if (ran % 1000 === 0) t.comment(`${ran} schedules`)
  }
  t.comment(`SEED=${seed}: ${numRuns} schedules in ${shares.length} threads`)
  await Promise.all(
    shares.map(async (share) => {
      const failure = await run(share, progress)
      const { error, path, schedule } = failure ?? { error: 'all is well', path: '', schedule: [] }
      if (failure) t.comment([`SEED=${share.seed} REPLAY=${path}`, ...schedule].join('\n'))
      t.notOk(failure, `${error}, SEED=${share.seed}`)
    })
  )
})

/** A thread each: beside each other, and out of tap's sight, which makes every promise dear. */
function sharesOf(numRuns: number): number[] {
  const threads = Math.min(availableParallelism(), Math.ceil(numRuns / 100))
  return Array.from({ length: threads }, () => Math.ceil(numRuns / threads))
}

function run(share: Share, progress: (ran: number) => void): Promise<Failure | undefined> {
  return new Promise((resolve, reject) => {
    const file = new URL('fixtures/simulation/schedule-worker.ts', import.meta.url)
    const worker = new Worker(file, { workerData: share, execArgv: [] })
    worker.on('message', (report: Report) => {
      if ('ran' in report) progress(report.ran)
      else resolve(report.failure)
    })
    worker.on('error', reject)
  })
}
