import type { Topology } from '../dev/seaweedfs.ts'
import { auditPass, passText } from './audit.ts'
import { namespaces } from './cluster.ts'
import { percentile } from './figures.ts'
import { curveOf } from './growth.ts'
import { OUR_TIMEOUT_MS, startOurs } from './hook-process.ts'
import { onboard } from './metacontroller.ts'
import type { Results, Row } from './results.ts'
import { startStore } from './store.ts'

const FEW = 1_000
const MANY = 5_000
const LIMIT_MS = 600_000

/**
 * A thousand profiles arriving at once, identities over the filer; then what an audit of them takes. Each S3 process of
 * the store reads all identities again whenever one has changed, so the same again on a store that has only one.
 */
export async function onboardThousand(): Promise<Results> {
  const { rows } = await arrival(FEW, 10)
  const {
    rows: [onOne]
  } = await arrival(FEW, 10, 'single-gateway')
  return { rows: [...rows, ...(onOne ? [onOne] : [])] }
}

/** Five thousand, beside a thousand in the same run. */
export async function onboardFiveThousand(): Promise<Results> {
  const few = await arrival(FEW, 10)
  const many = await arrival(MANY, 60)
  const growth: Row = {
    work: `onboard ${name(MANY)}, \`filer\`, beside ${name(FEW)}`,
    unit: 's',
    ours: many.seconds,
    rival: { name: `${name(FEW)} profiles`, figure: few.seconds },
    target: { ratio: 7 }
  }
  return { rows: [growth, ...many.rows, ...many.ofMany], curves: [many.curve] }
}

async function arrival(
  profiles: number,
  targetSeconds: number,
  topology: Topology = 'tenant-gateway'
) {
  const store = await startStore({ identityApi: 'filer', topology })
  try {
    const hook = await startOurs(store)
    const before = store.usage().cpuMs
    const options = { timeoutMs: OUR_TIMEOUT_MS, limitMs: LIMIT_MS }
    const run = await onboard(hook, namespaces(profiles), options)
    if (run.done < profiles) throw new Error(`${run.done} of ${profiles} profiles were done`)
    const storeSeconds = (store.usage().cpuMs - before) / 1000
    const { residentMb, cpuMs } = hook.usage()
    await hook.stop()
    const pass = await auditPass(store)
    const seconds = run.wallMs / 1000
    const onOne = topology === 'single-gateway' ? ', one S3 process' : ''
    const row = (work: string, unit: string, ours: number, figure: number, note?: string): Row => ({
      work,
      unit,
      ours,
      target: { figure },
      note
    })
    return {
      seconds,
      curve: curveOf('filer', run),
      rows: [
        row(
          `onboard ${name(profiles)}, \`filer\`${onOne}: bucket, policy, both probes`,
          's',
          seconds,
          targetSeconds,
          `CPU: ours ${Math.round(cpuMs / 1000)} s, store ${Math.round(storeSeconds)} s`
        ),
        row(`audit of ${name(profiles)} profiles`, 's', pass.ms / 1000, 1, passText(pass, profiles))
      ],
      ofMany: [
        row(
          `onboard ${name(profiles)}, \`filer\`, p99 of a profile`,
          'ms',
          percentile(run.profileMs, 0.99),
          100
        ),
        row(`memory after ${name(profiles)} profiles`, 'MB', residentMb, 160)
      ]
    }
  } finally {
    await store.stop()
  }
}

function name(profiles: number): string {
  return profiles.toLocaleString('en')
}
