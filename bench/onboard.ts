import type { IdentityApi } from '../dev/seaweedfs.ts'
import { type Bare, bareClient } from './bare-client.ts'
import { namespaces } from './cluster.ts'
import { percentile } from './figures.ts'
import { OUR_TIMEOUT_MS, startOurs } from './hook-process.ts'
import { type Onboarding, onboard } from './metacontroller.ts'
import type { Results, Row } from './results.ts'
import { type StoreOptions, startStore } from './store.ts'
import { NO_SYNC_PY, SYNC_PY, SYNC_PY_TIMEOUT_MS, startSyncPy } from './sync-py.ts'

const PROFILES = 200
const LIMIT_MS = 240_000
const KFP: StoreOptions = { version: '4.34', topology: 'single-gateway' }

export interface Measured extends Onboarding {
  readonly storeCpuMs: number
  readonly hookCpuMs: number
}

/** Profiles arriving at once in a store as KFP installs it, and in the same with identities over the filer. */
export async function onboardBesideSyncPy(): Promise<Results> {
  const iam = await measure('iam', PROFILES, KFP)
  const filer = await measure('filer', PROFILES, { version: '4.34' })
  const bareIam = await bareClient('iam', PROFILES, KFP)
  const bareFiler = await bareClient('filer', PROFILES, { version: '4.34' })
  const rival = SYNC_PY === undefined ? undefined : await measure('sync.py', PROFILES, KFP)
  const figureOf = (of: (run: Bare) => number) => ({
    name: 'sync.py',
    figure: rival === undefined ? NO_SYNC_PY : of(rival)
  })
  const wall = (run: Bare) => run.wallMs / 1000
  const storeCpu = (run: Bare) => run.storeCpuMs / 1000
  const row = (work: string, run: Measured, of: (run: Bare) => number, ratio: number): Row => ({
    work: `onboard ${PROFILES}, ${work}, SeaweedFS 4.34`,
    unit: 's',
    ours: of(run),
    rival: figureOf(of),
    target: { ratio },
    note: troubleText(run)
  })
  /** No target: what nobody can be better than. */
  const bound = (work: string, run: Bare, of: (run: Bare) => number): Row => ({
    work: `the store alone for ${PROFILES}, ${work}, SeaweedFS 4.34`,
    unit: 's',
    ours: of(run),
    rival: figureOf(of),
    note: 'a bare client that makes the calls and checks nothing'
  })
  return {
    rows: [
      bound('`iam`', bareIam, wall),
      bound('`iam`, CPU of the store', bareIam, storeCpu),
      bound('`filer`', bareFiler, wall),
      bound('`filer`, CPU of the store', bareFiler, storeCpu),
      row('`iam`', iam, wall, 1 / 3),
      row('`iam`, CPU of the store', iam, storeCpu, 1 / 3),
      row('`filer`', filer, wall, 1 / 100),
      row('`filer`, CPU of the store', filer, storeCpu, 1 / 100)
    ]
  }
}

/** A new store, a new hook, and so many profiles. */
export async function measure(
  who: IdentityApi | 'sync.py',
  profiles: number,
  options: StoreOptions = {},
  limitMs = LIMIT_MS
): Promise<Measured> {
  const isOurs = who !== 'sync.py'
  const store = await startStore({ ...options, ...(isOurs && { identityApi: who }) })
  try {
    const hook = await (isOurs ? startOurs(store) : startSyncPy(store))
    const timeoutMs = isOurs ? OUR_TIMEOUT_MS : SYNC_PY_TIMEOUT_MS
    const before = store.usage().cpuMs
    const run = await onboard(hook, namespaces(profiles), { timeoutMs, limitMs })
    const storeCpuMs = store.usage().cpuMs - before
    const hookCpuMs = hook.usage().cpuMs
    await hook.stop()
    return { ...run, storeCpuMs, hookCpuMs }
  } finally {
    await store.stop()
  }
}

/** What went wrong on the way, for whoever reads the figure. */
export function troubleText({ done, timedOut, failed, deferred, profileMs }: Measured): string {
  const p99 = `p99 of a profile ${Math.round(percentile(profileMs, 0.99))} ms`
  const trouble = Object.entries({ timedOut, failed, deferred }).filter(([, count]) => count > 0)
  return [`${done} done`, p99, ...trouble.map(([what, count]) => `${count} calls ${what}`)].join(
    ', '
  )
}
