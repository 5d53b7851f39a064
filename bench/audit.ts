import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { ourEnvironment } from './hook-process.ts'
import type { Store } from './store.ts'

export interface Pass {
  readonly ms: number
  readonly users: number
  readonly findings: Readonly<Record<string, number>>
  readonly writes: number
}

const PROGRAM = fileURLToPath(new URL('audit-pass.ts', import.meta.url))

/** One pass of the audit by a process that knows nothing yet. */
export async function auditPass(store: Store): Promise<Pass> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], {
    env: { PATH: process.env['PATH'], ...ourEnvironment(store), HOOK_AUTH: 'none', HOOK_TOKEN: '' }
  })
  return JSON.parse(stdout)
}

/** What the pass came to beside its time; a pass that found fault, or nobody, is no measurement. */
export function passText({ users, findings, writes }: Pass, profiles: number): string {
  const faults = Object.values(findings).reduce((sum, count) => sum + count, 0)
  if (users !== profiles || faults > 0 || writes > 0) {
    throw new Error(
      `The audit of ${profiles} saw ${users}, ${faults} faults, wrote ${writes} times`
    )
  }
  return `${users} users, ${writes} writes`
}
