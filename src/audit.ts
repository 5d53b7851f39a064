import { setTimeout as pause, setImmediate as yieldTurn } from 'node:timers/promises'
import type { Context } from './context.ts'
import { ownBucketPolicy, type PolicyDocument } from './desired/access-policy.ts'
import { type Finding, findingsFor, type Identity, NO_FINDINGS } from './desired/identity.ts'
import { namespaceIn, stemOf } from './desired/plan.ts'
import type { Metrics } from './metrics.ts'
import type { Budget, Survey } from './object-store/object-store.ts'

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
/** Hooks are answered in between, on fast ones. */
const YIELD_EVERY = 50
/** Of the interval, so that nobody's passes keep falling together. */
const JITTER = 0.1
/** The longest time that a timer knows; after a longer one it would go off at once. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

/**
 * Passes until the signal comes. A pass that fails is told, counted, and repeated after the interval. Replicas
 * cannot talk: each makes the more rarely a pass the more there are, and begins at a moment of its own, so that
 * together they do the work of one.
 */
export async function auditEvery(
  intervalMs: number,
  replicas: number,
  context: AuditContext & { readonly metrics: Pick<Metrics, 'auditEnded'> },
  stop: AbortSignal
): Promise<void> {
  const { log, metrics } = context
  const wait = (ms: number) =>
    pause(Math.min(ms, LONGEST_WAIT_MS), undefined, { signal: stop }).catch(() => {})
  const periodMs = intervalMs * replicas
  await wait(Math.min(intervalMs, FIRST_PASS_MS) + Math.random() * (periodMs - intervalMs))
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
    await wait(periodMs * (1 - JITTER + Math.random() * 2 * JITTER))
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
  const survey = await store.surveyIdentities(budget())
  const documents = new Map<string, PolicyDocument | undefined>()
  const findings: Record<Finding, number> = { ...NO_FINDINGS }
  let users = 0
  let unclaimed = 0
  const byProfile = new Map<string, string[]>()

  const names = survey ? [...survey.identities.keys()] : await store.listUsers(budget())
  for (const [index, user] of names.entries()) {
    if (index > 0 && index % PROGRESS_EVERY === 0) {
      log.info({ audited: index, of: names.length }, 'auditing the users of the store')
    }
    if (index % YIELD_EVERY === 0) await yieldTurn()
    const namespace = namespaceIn(settings.namePrefix, user)?.namespace
    if (namespace === undefined) continue
    const glimpse = survey && judgeFrom(survey, user, context)
    const found = isSettledBy(glimpse)
      ? glimpse
      : await auditUser(user, documents, context, budget(), survey)
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

/** A survey shows some users in the middle of a sync, when half of it is missing: whoever looks wrong is read again. */
function isSettledBy(glimpse: Judgement | undefined): glimpse is Judgement {
  return glimpse === 'not-ours' || glimpse?.length === 0
}

type Judgement = Finding[] | 'not-ours'

function judgeFrom(
  { identities, policies, secretDigests }: Survey,
  user: string,
  context: AuditContext
): Judgement {
  return judge(user, identities.get(user), policies, secretDigests.get(user), context)
}

/** @param documents of the policies that were read in this pass */
async function auditUser(
  user: string,
  documents: Map<string, PolicyDocument | undefined>,
  context: AuditContext,
  budget: Budget,
  survey: Survey | undefined
): Promise<Judgement> {
  const { store, turns } = context
  // Not in the middle of a sync, when half of it is missing.
  const live = await turns.take(user, budget, () => store.readIdentity(user, budget))
  for (const name of live?.policies ?? []) {
    if (!documents.has(name)) documents.set(name, await store.readPolicy(name, budget))
  }
  return judge(user, live, documents, survey?.secretDigests.get(user), context)
}

function judge(
  user: string,
  live: Identity | undefined,
  documents: ReadonlyMap<string, PolicyDocument | undefined>,
  secretDigests: ReadonlyMap<string, string> | undefined,
  { settings, memory }: AuditContext
): Judgement {
  const claimed = memory.policyClaimed(user)
  if (live === undefined) return 'not-ours'
  const isCommon = settings.layout === 'per-profile'
  const policy = claimed ?? (isCommon ? ownBucketPolicy(settings.namePrefix) : undefined)
  const found = findingsFor(user, live, policy, documents, settings, secretDigests)
  // A name like ours, without a key that the root key explains.
  if (claimed === undefined && found.includes('missing-key')) return 'not-ours'
  // More than one key may be a grace; its next sync knows.
  if (found.length > 0 || live.accessKeys.length > 1) memory.suspect(user)
  return found
}
