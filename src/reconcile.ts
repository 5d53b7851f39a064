import type { ProfileSettings } from './config.ts'
import {
  isOwnBucketPolicy,
  isPolicyOf,
  type PolicyDocument,
  type Statement
} from './desired/access-policy.ts'
import { type Attachment, attachmentsFor, type Issued, timeText } from './desired/attachments.ts'
import { isOurs, mergedBucketPolicy } from './desired/bucket-policy.ts'
import {
  type AccessKey,
  accessKeyFor,
  epochInForce,
  epochOfPair,
  sealFor,
  standingOf
} from './desired/credentials.ts'
import { mergedLifecycleRules } from './desired/lifecycle.ts'
import { type BucketPlan, type Plan, planFor } from './desired/plan.ts'
import {
  issuedAtFrom,
  newestOf,
  type Retirement,
  type Rotation,
  retirementFor,
  rotationFor,
  type StoredKey
} from './desired/rotation.ts'
import { isAdminKey } from './desired/takeover.ts'
import type { Memory } from './memory.ts'
import type { Metrics } from './metrics.ts'
import type { Budget, ObjectStore } from './object-store/object-store.ts'
import { isEntitled, isNamespaceName, type Profile } from './profile.ts'
import { awaitProof, probe } from './proof.ts'
import { findLegacyIdentity, retireLegacyIdentity } from './takeover.ts'
import type { Turns } from './turns.ts'

/** What one hook call came to, before it is put into the words of the parent's controller. */
export interface Outcome {
  readonly attachments: readonly Attachment[]
  /** `pending` until the Secret with the proven key is seen in the cluster; `gone` after the storage. */
  readonly readiness: 'pending' | 'ready' | 'gone'
  /** RFC 3339: until when the key before the current one keeps working, if one does. */
  readonly settlingUntil?: string
  readonly resyncAfterSeconds?: number
  readonly finalized?: boolean
}

/** What reconciling needs from outside, all of it replaceable. */
export interface Context {
  readonly settings: ProfileSettings
  readonly store: ObjectStore
  readonly memory: Memory
  readonly turns: Turns
  /** Wall clock, in seconds since 1970. */
  readonly now: () => number
  readonly syncBudgetMs: number
  /** How long a new key may take to reach the gateway before the call gives up. */
  readonly proofPatienceMs: number
  readonly log: Log
  readonly metrics: Pick<Metrics, 'bucketPolicyRepaired' | 'accessKeyRetired' | 'adminKeyReplaced'>
}

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** Until the Secret is seen, nobody tells us that it exists: somebody else's may be in its place. */
const UNOBSERVED_RESYNC_SECONDS = 30
const MIN_RESYNC_SECONDS = 5
const MAX_RESYNC_SECONDS = 86_400

/**
 * The story of a sync: what should exist, whether the key in the cluster is proven to work and to be
 * refused elsewhere, and if not, bucket -> policy -> user -> key -> proof. Nothing is answered before the
 * proof; any failure is thrown, because an attachment left out of an answer is deleted.
 */
export async function reconcileProfile(
  profile: Profile,
  context: Context,
  budget: Budget
): Promise<Outcome> {
  if (!isEntitled(profile)) return { attachments: [], readiness: 'gone' }
  const { settings } = context
  const plan = planFor(profile, settings)
  const now = context.now()
  const observed = observedIssue(profile, plan, now, settings)
  const isSettling = observed?.isSettled === false
  const rotation = rotationFor(profile, plan.user, settings, isSettling, now)

  return context.turns.take(plan.user, budget, async () => {
    const isStillProven =
      observed !== undefined &&
      observed.epoch >= rotation.epoch &&
      (await isProven(profile, plan, observed.key, context, budget))
    const issued = isStillProven
      ? observed
      : await provision(profile, plan, rotation, now, context, budget)
    if (observed?.key.accessKeyId !== issued.key.accessKeyId) return pending(issued)
    const retired = await retire(plan, issued, rotation, now, context, budget)
    if (retired === 'outdated') {
      return pending(await provision(profile, plan, rotation, now, context, budget))
    }
    const { keptUntil } = retired
    const dueAt = earliest([retired.dueAt, rotation.nextAt])
    return {
      attachments: attachmentsFor(plan, retired.issued, settings),
      readiness: 'ready',
      ...(keptUntil !== undefined && { settlingUntil: timeText(keptUntil) }),
      ...(dueAt !== undefined && { resyncAfterSeconds: secondsUntil(dueAt, now) })
    }
  })

  function pending(issued: Issued): Outcome {
    const attachments = attachmentsFor(plan, issued, settings)
    return { attachments, readiness: 'pending', resyncAfterSeconds: UNOBSERVED_RESYNC_SECONDS }
  }
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}

/** Not at once, because what was just written has to be seen; not too far off, because clocks jump. */
function secondsUntil(dueAt: number, now: number): number {
  return Math.min(Math.max(dueAt - now, MIN_RESYNC_SECONDS), MAX_RESYNC_SECONDS)
}

/**
 * The story of a finalize, for deletion and for opt-out alike: keys, user and own policies go, data stays.
 * It is done only when one sync budget has passed in which nothing came back, because until then a sync
 * that began before may still be writing.
 */
export async function finalizeProfile(
  profile: Profile,
  context: Context,
  budget: Budget
): Promise<Outcome> {
  const gone = { attachments: [], readiness: 'gone', finalized: true } as const
  if (!isNamespaceName(profile.namespace)) return gone
  const plan = planFor(profile, context.settings)
  if (profile.skipsStorageCleanup) {
    const { namespace, user, bucket } = plan
    context.log.warn(
      { namespace, user, bucket },
      'storage cleanup skipped: key and user stay behind'
    )
    return gone
  }

  return context.turns.take(plan.user, budget, async () => {
    context.memory.forget(plan.user, plan.bucket)
    const foundSomething = await revoke(plan, context.store, budget)
    const quietMs = context.memory.quietMs(plan.user, profile.going, foundSomething)
    const remainingMs = context.syncBudgetMs - quietMs
    if (remainingMs <= 0) {
      context.memory.forgetDeparture(plan.user)
      return gone
    }
    const resyncAfterSeconds = Math.max(1, Math.ceil(remainingMs / 1000))
    return { ...gone, finalized: false, resyncAfterSeconds }
  })
}

/** The pair in the observed Secret, if it is ours and was proven under this very policy. */
function observedIssue(
  { observedSecret }: Profile,
  { user, policy }: Plan,
  now: number,
  settings: ProfileSettings
): (Issued & { readonly epoch: number }) | undefined {
  if (observedSecret === undefined) return undefined
  const { rootKey } = settings
  const epoch = epochOfPair(rootKey, user, observedSecret)
  if (epoch === undefined) return undefined
  const { accessKeyId, seal } = observedSecret
  const isSettled = seal === sealFor(rootKey, accessKeyId, policy.name, 'settled')
  if (!isSettled && seal !== sealFor(rootKey, accessKeyId, policy.name, 'settling'))
    return undefined
  const issuedAt = issuedAtFrom(observedSecret.issuedAt, epoch, settings, now)
  return { key: accessKeyFor(rootKey, user, epoch), epoch, issuedAt, isSettled }
}

/** Remembered, or shown again: the buckets' settings are looked at, and two probes made. */
async function isProven(
  profile: Profile,
  plan: Plan,
  key: AccessKey,
  context: Context,
  budget: Budget
): Promise<boolean> {
  const { memory, store } = context
  const secretUid = profile.observedSecret?.uid
  if (memory.isProven(plan.user, key.accessKeyId, secretUid)) return true
  // A stale view shows an older key, which still works in its grace: it must not win.
  if (memory.hasProofOfOther(plan.user, key.accessKeyId)) return false
  for (const bucket of plan.buckets) {
    if (!memory.isBucketVerified(bucket.name)) await ensureBucket(bucket, context, budget)
  }
  if ((await probe(plan, key, store, budget)) !== 'proven') return false
  memory.rememberProof(plan.user, key.accessKeyId, secretUid)
  return true
}

/** Makes everything exist in the order in which it limits the next, and proves it. */
async function provision(
  { observedSecret }: Profile,
  plan: Plan,
  rotation: Rotation,
  now: number,
  context: Context,
  budget: Budget
): Promise<Issued> {
  const { settings, store, memory, proofPatienceMs, log } = context
  const { user, policy } = plan
  if (observedSecret && isAdminKey(observedSecret.accessKeyId, settings.adminAccessKeyId)) {
    context.metrics.adminKeyReplaced()
    log.warn({ namespace: plan.namespace }, 'the profile held a key of the store’s admin')
  }
  for (const bucket of plan.buckets) await ensureBucket(bucket, context, budget)
  const policyName = await store.ensurePolicy(policy, budget)
  const live = await store.readIdentity(user, budget)
  const seen = [observedSecret, ...(live?.accessKeys ?? [])].map(
    (key) => key && standingOf(settings, user, key.accessKeyId)?.epoch
  )
  const epoch = epochInForce(rotation.epoch, seen)
  const accessKey = accessKeyFor(settings.rootKey, user, epoch)
  const desired = { policyName, accessKey }
  await store.ensureIdentity(user, desired, live, budget)
  for (const stale of live?.policies ?? []) {
    const isOurs = isPolicyOf(user, stale) || isOwnBucketPolicy(settings.namePrefix, stale)
    if (isOurs && stale !== policyName) await store.deletePolicy(stale, budget)
  }
  await awaitProof(plan, desired, store, proofPatienceMs, budget)
  memory.rememberProof(user, accessKey.accessKeyId, observedSecret?.uid)
  log.info({ namespace: plan.namespace, user, bucket: plan.bucket }, 'storage provisioned')
  const isObserved =
    observedSecret !== undefined && epochOfPair(settings.rootKey, user, observedSecret) === epoch
  return {
    key: accessKey,
    issuedAt: isObserved ? issuedAtFrom(observedSecret.issuedAt, epoch, settings, now) : now,
    isSettled:
      (live?.accessKeys ?? []).every((key) => key.accessKeyId === accessKey.accessKeyId) &&
      (await findLegacyIdentity(plan.namespace, context, budget)) === undefined
  }
}

/**
 * The story of the other keys of a profile, once its current one was seen in the cluster: the one before
 * works until the grace is over, all the rest goes. Nobody asks the store any more when none is left.
 * `outdated` when the store has a newer key, issued by another replica, or has lost this one: then nothing
 * is taken away.
 */
async function retire(
  { namespace, user }: Plan,
  issued: Issued,
  rotation: Rotation,
  now: number,
  context: Context,
  budget: Budget
): Promise<'outdated' | ({ readonly issued: Issued } & Pick<Retirement, 'dueAt' | 'keptUntil'>)> {
  const { settings, store, metrics, log } = context
  if (issued.isSettled) return { issued, dueAt: undefined, keptUntil: undefined }
  const { accessKeys = [] } = (await store.readIdentity(user, budget)) ?? {}
  const keys = accessKeys.map(
    (key): StoredKey => ({ ...key, standing: standingOf(settings, user, key.accessKeyId) })
  )
  const newest = newestOf(keys.filter(({ isActive }) => isActive))
  if (newest?.accessKeyId !== issued.key.accessKeyId) return 'outdated'
  const others = keys.filter((key) => key !== newest)
  const retirement = retirementFor(others, issued.issuedAt, rotation, settings, now)
  const { disable, remove, dueAt, keptUntil } = retirement
  for (const accessKeyId of disable) {
    await store.disableAccessKey(user, accessKeyId, budget)
    log.info({ namespace, user, accessKeyId }, 'disabled a key that is not current any more')
  }
  for (const accessKeyId of remove) {
    await store.deleteAccessKey(user, accessKeyId, budget)
    metrics.accessKeyRetired()
    log.info({ namespace, user, accessKeyId }, 'removed a key that is not current any more')
  }
  const legacy = await retireLegacyIdentity(
    namespace,
    issued.issuedAt,
    rotation,
    now,
    context,
    budget
  )
  const isSettled = remove.length === others.length && legacy === undefined
  return {
    issued: { ...issued, isSettled },
    dueAt: earliest([dueAt, legacy?.dueAt]),
    keptUntil: keptUntil ?? legacy?.keptUntil
  }
}

async function ensureBucket(bucket: BucketPlan, context: Context, budget: Budget) {
  const { name, settings } = bucket
  const { memory, store } = context
  await store.ensureBucket(name, budget)
  if (settings !== undefined) {
    const { statements, lifecycleRules } = settings
    await ensureBucketPolicy(name, statements, context, budget)
    await store.ensureLifecycle(name, (live) => mergedLifecycleRules(live, lifecycleRules), budget)
  }
  memory.rememberBucket(name)
}

/** The one document that keeps profiles apart and that others can write to; so a repair is not kept quiet. */
async function ensureBucketPolicy(
  bucket: string,
  statements: readonly Statement[],
  { memory, store, metrics, log }: Context,
  budget: Budget
) {
  const merge = (live: PolicyDocument | undefined) => mergedBucketPolicy(live, bucket, statements)
  const outcome = await store.ensureBucketPolicy(bucket, merge, budget)
  if (outcome === 'unchanged') return
  const { replaced } = outcome
  if (!isOurs(replaced) && !memory.wasBucketVerified(bucket)) return
  metrics.bucketPolicyRepaired()
  log.warn({ bucket, replaced }, 'repaired the policy of a bucket: it was not as we had left it')
}

/** Whether there was anything to take away. */
async function revoke(plan: Plan, store: ObjectStore, budget: Budget): Promise<boolean> {
  const live = await store.readIdentity(plan.user, budget)
  if (live !== undefined) await store.deleteIdentity(plan.user, live, budget)
  const policies = new Set([plan.policy.name, ...(live?.policies ?? [])])
  for (const policy of policies) {
    if (isPolicyOf(plan.user, policy)) await store.deletePolicy(policy, budget)
  }
  return live !== undefined
}
