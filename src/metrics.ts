import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'

/** Few numbers, labelled by outcome; never by profile, secret or key. */
export interface Metrics {
  readonly registry: Registry
  /** `outcome` is `ok` or the error's code. */
  hookAnswered(hook: string, outcome: string, seconds: number): void
  storeWritten(): void
  bucketPolicyRepaired(): void
  accessKeyRetired(): void
  adminKeyReplaced(): void
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
  return {
    registry,
    hookAnswered: (hook, outcome, seconds) => hooks.observe({ hook, outcome }, seconds),
    storeWritten: () => writes.inc(),
    bucketPolicyRepaired: () => repairs.inc(),
    accessKeyRetired: () => retired.inc(),
    adminKeyReplaced: () => replaced.inc()
  }
}
