import { median } from './figures.ts'
import { type HookProcess, startOurs } from './hook-process.ts'
import type { Results } from './results.ts'
import { startStore } from './store.ts'
import { NO_SYNC_PY, SYNC_PY, startSyncPy } from './sync-py.ts'

const ROUNDS = 9

/** From the start of the process until /readyz says yes, which asks the store; of sync.py until it answers at all. */
export async function start(): Promise<Results> {
  const store = await startStore()
  const ways: Record<string, () => Promise<HookProcess>> = {
    plain: () => startOurs(store, { NODE_COMPILE_CACHE: '' }),
    cached: () => startOurs(store),
    ...(SYNC_PY && { 'sync.py': () => startSyncPy(store) })
  }
  const times: Record<string, number[]> = {}
  try {
    // The first start of each fills the caches of the disk.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [way, startHook] of Object.entries(ways)) {
        const hook = await startHook()
        if (round > 0) times[way] = [...(times[way] ?? []), hook.startMs]
        await hook.stop()
      }
    }
  } finally {
    await store.stop()
  }
  const { plain = [], cached = [], 'sync.py': rivals } = times
  const rival = { name: 'sync.py', figure: rivals ? median(rivals) : NO_SYNC_PY }
  return {
    rows: [
      { work: 'start to ready', unit: 'ms', ours: median(plain), rival, target: { ratio: 1 } },
      {
        work: 'start to ready with NODE_COMPILE_CACHE',
        unit: 'ms',
        ours: median(cached),
        rival,
        target: { figure: 350 }
      }
    ]
  }
}
