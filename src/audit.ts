import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from './context.ts'
import { ownBucketPolicy, type PolicyDocument } from './desired/access-policy.ts'
import { type Finding, findingsFor, holdsKeyOfOurs, NO_FINDINGS } from './desired/identity.ts'
import { namespaceIn, stemOf } from './desired/plan.ts'
import type { Metrics } from './metrics.ts'
import type { Budget } from './object-store/object-store.ts'

/** What one pass over all users of the store came to. */
export interface AuditReport {
  /** How many users are ours. */
  readonly users: number
  /** How many of them no profile has asked for since this process began. */
  readonly unclaimed: number
  /** How many users show each finding; all of them are there. */
  readonly findings: Readonly<Record<Finding, number>>
}

type AuditContext = Pick<Context, 'settings' | 'store' | 'memory' | 'turns' | 'log'>

/** Metacontroller has shown every profile by then, and a process that dies soon has cost nothing. */
const FIRST_PASS_MS = 60_000
const USER_BUDGET_MS = 30_000
/** A word in between, on long passes. */
const PROGRESS_EVERY = 500

/** Passes until the signal comes. A pass that fails is told, counted, and repeated after the interval. */
export async function auditEvery(
  intervalMs: number,
  context: AuditContext & { readonly metrics: Pick<Metrics, 'auditEnded'> },
  stop: AbortSignal
): Promise<void> {
  const { log, metrics } = context
  const wait = (ms: number) => pause(ms, undefined, { signal: stop }).catch(() => {})
  await wait(Math.min(intervalMs, FIRST_PASS_MS))
  while (!stop.aborted) {
    try {
      const report = await audit(context, stop)
      metrics.auditEnded(report)
      log.info({ ...report }, 'audited the users of the store')
    } catch (err) {
      if (stop.aborted) return
      metrics.auditEnded('failed')
      log.warn({ err }, 'the audit could not be finished; the next one comes after AUDIT_INTERVAL')
    }
    await wait(intervalMs)
  }
}

/**
 * One pass: what the store has, against what the root key says must be. It writes nothing. A user with a
 * finding is under suspicion, so that its next sync looks at all of it, and mends it.
 */
export async function audit(context: AuditContext, stop: AbortSignal): Promise<AuditReport> {
  const { settings, store, memory, log } = context
  const budget = (): Budget => ({
    namespace: '(audit)',
    signal: AbortSignal.any([stop, AbortSignal.timeout(USER_BUDGET_MS)])
  })
  const documents = new Map<string, PolicyDocument | undefined>()
  const findings: Record<Finding, number> = { ...NO_FINDINGS }
  let users = 0
  let unclaimed = 0
  const byProfile = new Map<string, string[]>()

  const names = await store.listUsers(budget())
  for (const [index, user] of names.entries()) {
    if (index > 0 && index % PROGRESS_EVERY === 0) {
      log.info({ audited: index, of: names.length }, 'auditing the users of the store')
    }
    const namespace = namespaceIn(settings.namePrefix, user)?.namespace
    if (namespace === undefined) continue
    const found = await auditUser(user, documents, context, budget())
    if (found === 'not-ours') continue
    users += 1
    byProfile.set(stemOf(user), [...(byProfile.get(stemOf(user)) ?? []), user])
    if (memory.policyClaimed(user) === undefined) unclaimed += 1
    for (const finding of found) findings[finding] += 1
    if (found.length === 0) continue
    log.warn({ namespace, user, findings: found }, 'a user of the store is not as it was left')
  }
  // One of them is former, and may have its grace; the next sync of the other one knows.
  for (const names of byProfile.values()) {
    if (names.length > 1) for (const user of names) memory.suspect(user)
  }
  return { users, unclaimed, findings }
}

/** @param documents of the policies that were read in this pass */
async function auditUser(
  user: string,
  documents: Map<string, PolicyDocument | undefined>,
  { settings, store, memory, turns }: AuditContext,
  budget: Budget
): Promise<Finding[] | 'not-ours'> {
  // Not in the middle of a sync, when half of it is missing.
  const live = await turns.take(user, budget, () => store.readIdentity(user, budget))
  const claimed = memory.policyClaimed(user)
  if (live === undefined) return 'not-ours'
  if (claimed === undefined && !holdsKeyOfOurs(user, live, settings)) return 'not-ours'
  const isCommon = settings.layout === 'per-profile'
  const policy = claimed ?? (isCommon ? ownBucketPolicy(settings.namePrefix) : undefined)
  for (const name of live.policies) {
    if (!documents.has(name)) documents.set(name, await store.readPolicy(name, budget))
  }
  const found = findingsFor(user, live, policy, documents, settings)
  // More than one key may be a grace; its next sync knows.
  if (found.length > 0 || live.accessKeys.length > 1) memory.suspect(user)
  return found
}
