import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { AuditReport } from './audit.ts'
import { type Finding, NO_FINDINGS } from './desired/identity.ts'

/** The halves of the store, each with a write queue before it. */
export type WrittenHalf = 'identity' | 'bucket'

/** Few numbers, labelled by outcome; never by profile, secret or key. */
export interface Metrics {
  readonly registry: Registry
  /** `outcome` is `ok` or the error's code. */
  hookAnswered(hook: string, outcome: string, seconds: number): void
  storeWritten(): void
  /** How many writes wait for their turn now. */
  queueLength(queue: WrittenHalf, length: number): void
  writeWaited(queue: WrittenHalf, seconds: number): void
  bucketPolicyRepaired(): void
  accessKeyRetired(): void
  adminKeyReplaced(): void
  secretTaken(): void
  /** Objects, versions and unfinished uploads of deleted profiles. */
  objectsDeleted(count: number): void
  auditEnded(report: AuditReport | 'failed'): void
}

export function buildMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const hooks = new Histogram({
    name: 's3p_hook_seconds',
    help: 'Time to answer a hook call, by hook and outcome (ok or an error code)',
    labelNames: ['hook', 'outcome'],
    buckets: [0.002, 0.01, 0.05, 0.25, 1, 5, 25],
    registers: [registry]
  })
  const writes = new Counter({
    name: 's3p_store_writes_total',
    help: 'Writes started on the object store; steady profiles cause none',
    registers: [registry]
  })
  const lengths = new Gauge({
    name: 's3p_write_queue_length',
    help: 'Writes that wait for their turn on the object store, by queue (identity or bucket)',
    labelNames: ['queue'],
    registers: [registry]
  })
  const waits = new Histogram({
    name: 's3p_write_queue_wait_seconds',
    help: 'How long writes have waited for their turn on the object store, by queue (identity or bucket)',
    labelNames: ['queue'],
    buckets: [0.002, 0.01, 0.05, 0.25, 1, 5, 25],
    registers: [registry]
  })
  for (const queue of ['identity', 'bucket']) lengths.set({ queue }, 0)
  const repairs = new Counter({
    name: 's3p_bucket_policy_repairs_total',
    help: 'Policies of buckets that were not any more as they had been left, and were written again',
    registers: [registry]
  })
  const retired = new Counter({
    name: 's3p_access_keys_retired_total',
    help: 'Keys removed because they were not current any more',
    registers: [registry]
  })
  const replaced = new Counter({
    name: 's3p_admin_keys_replaced_total',
    help: 'Secrets of profiles that held a key of the store’s admin, and got their own',
    registers: [registry]
  })
  const taken = new Counter({
    name: 's3p_secrets_taken_total',
    help: 'Syncs that found the Secret still missing after it was answered: an object that is not ours is in its place',
    registers: [registry]
  })
  const deleted = new Counter({
    name: 's3p_objects_deleted_total',
    help: 'Objects, versions and unfinished uploads removed with profiles whose data policy says so',
    registers: [registry]
  })
  const audits = new Counter({
    name: 's3p_audits_total',
    help: 'Passes of the audit, by outcome (ok or failed)',
    labelNames: ['outcome'],
    registers: [registry]
  })
  const findings = new Gauge({
    name: 's3p_audit_findings',
    help: 'Users of ours that the last finished audit found not as they had been left, by finding',
    labelNames: ['finding'],
    registers: [registry]
  })
  const setFindings = (counts: Readonly<Record<Finding, number>>) => {
    for (const [finding, count] of Object.entries(counts)) findings.set({ finding }, count)
  }
  setFindings(NO_FINDINGS)
  const unclaimed = new Gauge({
    name: 's3p_audit_unclaimed_users',
    help: 'Users of ours that no profile has asked this process for; sweep says whether they are orphans',
    registers: [registry]
  })
  return {
    registry,
    hookAnswered: (hook, outcome, seconds) => hooks.observe({ hook, outcome }, seconds),
    storeWritten: () => writes.inc(),
    queueLength: (queue, length) => lengths.set({ queue }, length),
    writeWaited: (queue, seconds) => waits.observe({ queue }, seconds),
    bucketPolicyRepaired: () => repairs.inc(),
    accessKeyRetired: () => retired.inc(),
    adminKeyReplaced: () => replaced.inc(),
    secretTaken: () => taken.inc(),
    objectsDeleted: (count) => deleted.inc(count),
    auditEnded(report) {
      audits.inc({ outcome: report === 'failed' ? 'failed' : 'ok' })
      if (report === 'failed') return
      unclaimed.set(report.unclaimed)
      setFindings(report.findings)
    }
  }
}
