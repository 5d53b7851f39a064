import { setTimeout as pause } from 'node:timers/promises'
import { namespaces, syncBody } from './cluster.ts'
import { OUR_TIMEOUT_MS, startOurs } from './hook-process.ts'
import { load } from './load.ts'
import { onboard } from './metacontroller.ts'
import type { Results } from './results.ts'
import { startStore } from './store.ts'

const PROFILES = 20
const SYNCS = 100_000
/** After so many the heap has its size. */
const WARM_UP = 20_000
const IDLE_MS = 5_000
const CONNECTIONS = 32
/** Less than what one collection of garbage more or less makes. */
const FLAT_MB = 10

/** Of our process: when nothing was asked of it yet, and what a hundred thousand syncs leave in it. */
export async function memory(): Promise<Results> {
  const store = await startStore({ identityApi: 'filer' })
  try {
    const hook = await startOurs(store, { VERIFY_INTERVAL: '1d' })
    await pause(IDLE_MS)
    const idleMb = hook.usage().residentMb
    const names = namespaces(PROFILES)
    const options = { timeoutMs: OUR_TIMEOUT_MS, limitMs: 120_000 }
    const { answers } = await onboard(hook, names, options)
    const bodies = names.map((name) => syncBody(name, answers.get(name)))
    await load(hook, bodies, WARM_UP, CONNECTIONS)
    const warmMb = hook.usage().residentMb
    await load(hook, bodies, SYNCS - WARM_UP, CONNECTIONS)
    const growthMb = hook.usage().residentMb - warmMb
    await hook.stop()
    const row = (work: string, ours: number, figure: number, note?: string) => ({
      work,
      unit: 'MB',
      ours,
      target: { figure },
      note
    })
    return {
      rows: [
        row('memory idle', idleMb, 100),
        row(
          `memory gained between sync ${WARM_UP.toLocaleString('en')} and ${SYNCS.toLocaleString('en')}`,
          Math.max(0, growthMb),
          FLAT_MB,
          `${Math.round(warmMb)} MB before, ${Math.round(warmMb + growthMb)} MB after`
        )
      ]
    }
  } finally {
    await store.stop()
  }
}
