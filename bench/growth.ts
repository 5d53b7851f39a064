import type { Onboarding } from './metacontroller.ts'
import { measure } from './onboard.ts'
import type { Curve, Results } from './results.ts'
import { NO_SYNC_PY, SYNC_PY } from './sync-py.ts'

const PROFILES = 1_000
/** After which the curve ends where it is. */
const LIMIT_MS = 7 * 60_000
const POINTS = 10

/** What the next profile costs when there are so many already: over HTTP, more and more. */
export async function growth(): Promise<Results> {
  const kfp = { version: '4.34', topology: 'single-gateway' } as const
  const iam = curveOf('iam', await measure('iam', PROFILES, kfp, LIMIT_MS))
  if (SYNC_PY === undefined) {
    const ours = { skipped: NO_SYNC_PY.skipped }
    return { rows: [{ work: 'growth of sync.py', unit: 'ms', ours }], curves: [iam] }
  }
  const rival = curveOf('sync.py', await measure('sync.py', PROFILES, kfp, LIMIT_MS))
  return { rows: [], curves: [iam, rival] }
}

/** Time for each profile, a tenth of them at a time. */
export function curveOf(name: string, { secretAtMs }: Pick<Onboarding, 'secretAtMs'>): Curve {
  const size = Math.max(1, Math.floor(secretAtMs.length / POINTS))
  const points: [number, number][] = []
  for (let end = size; end <= secretAtMs.length; end += size) {
    const [from = 0, to = 0] = [secretAtMs[end - size - 1] ?? 0, secretAtMs[end - 1]]
    points.push([end, (to - from) / size])
  }
  return { name, points }
}
