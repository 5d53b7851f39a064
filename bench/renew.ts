import { namespaces, syncBody } from './cluster.ts'
import { OUR_TIMEOUT_MS, startOurs } from './hook-process.ts'
import { load } from './load.ts'
import { onboard } from './metacontroller.ts'
import type { Results } from './results.ts'
import { startStore } from './store.ts'

const PROFILES = 20
const WARM_UP = 1_000
const REQUESTS = 4_000
/** As many as Metacontroller has workers. */
const CONNECTIONS = 5

/** A sync of a profile at rest whose proof is too old: the buckets are looked at, and both probes made. */
export async function renew(): Promise<Results> {
  const store = await startStore()
  try {
    const hook = await startOurs(store, { VERIFY_INTERVAL: '0s' })
    const names = namespaces(PROFILES)
    const options = { timeoutMs: OUR_TIMEOUT_MS, limitMs: 120_000 }
    const { answers } = await onboard(hook, names, options)
    const bodies = names.map((name) => syncBody(name, answers.get(name)))
    await load(hook, bodies, WARM_UP, CONNECTIONS)
    const { cpuMs, p99Ms } = await load(hook, bodies, REQUESTS, CONNECTIONS)
    await hook.stop()
    return {
      rows: [
        {
          work: 'sync that renews its proof, CPU in our process',
          unit: 'ms',
          ours: cpuMs,
          target: { figure: 2 },
          note: `p99 ${Math.round(p99Ms)} ms at ${CONNECTIONS} connections`
        }
      ]
    }
  } finally {
    await store.stop()
  }
}
