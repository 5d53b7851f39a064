import { setTimeout as pause } from 'node:timers/promises'
import { namespaces, syncBody } from './cluster.ts'
import { median } from './figures.ts'
import { OUR_TIMEOUT_MS, startOurs } from './hook-process.ts'
import { type Load, load } from './load.ts'
import { onboard } from './metacontroller.ts'
import type { Results } from './results.ts'
import { startStore } from './store.ts'

const PROFILES = 200
const WARM_UP_ROUNDS = 3
const ROUNDS = 8
const VERIFY_INTERVAL_MS = 2_000
/** As many as Metacontroller has workers. */
const CONNECTIONS = 5

/** Syncs of profiles at rest whose proofs are too old: the own bucket is looked at, and both probes made. */
export async function renew(): Promise<Results> {
  const store = await startStore({ identityApi: 'filer' })
  try {
    const hook = await startOurs(store, { VERIFY_INTERVAL: `${VERIFY_INTERVAL_MS}ms` })
    const names = namespaces(PROFILES)
    const options = { timeoutMs: OUR_TIMEOUT_MS, limitMs: 120_000 }
    const { answers } = await onboard(hook, names, options)
    const bodies = names.map((name) => syncBody(name, answers.get(name)))
    const rounds: Load[] = []
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      await pause(VERIFY_INTERVAL_MS)
      rounds.push(await load(hook, bodies, PROFILES, CONNECTIONS))
    }
    const measured = rounds.slice(WARM_UP_ROUNDS)
    const p99 = Math.round(median(measured.map(({ p99Ms }) => p99Ms)))
    await hook.stop()
    return {
      rows: [
        {
          work: 'sync that renews its proof, CPU in our process',
          unit: 'ms',
          ours: measured.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / ROUNDS,
          target: { figure: 2 },
          note: `p99 ${p99} ms at ${CONNECTIONS} connections`
        }
      ]
    }
  } finally {
    await store.stop()
  }
}
