import type { Context } from './context.ts'
import type { PolicyDocument, Statement } from './desired/access-policy.ts'
import type { Issued } from './desired/attachments.ts'
import { isOurs, mergedBucketPolicy } from './desired/bucket-policy.ts'
import {
  type AccessKey,
  accessKeyFor,
  epochInForce,
  epochOfPair,
  standingOf
} from './desired/credentials.ts'
import type { Identity } from './desired/identity.ts'
import { mergedLifecycleRules } from './desired/lifecycle.ts'
import { ADOPT_ANNOTATION, type BucketPlan, type Plan } from './desired/plan.ts'
import { isOwnBucketPolicy, isPolicyOf } from './desired/policy-name.ts'
import { issuedAtFrom, type Rotation } from './desired/rotation.ts'
import { isAdminKey } from './desired/takeover.ts'
import { InvalidProfile } from './errors.ts'
import { findFormerUsers } from './former-users.ts'
import type { Budget, DesiredIdentity, ObjectStore } from './object-store/object-store.ts'
import type { Profile } from './profile.ts'
import { awaitProof, probe } from './proof.ts'

/** Remembered, or shown again: the buckets' settings are looked at, and two probes made. */
export async function isProven(
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
export async function provision(
  { observedSecret }: Profile,
  plan: Plan,
  rotation: Rotation,
  now: number,
  context: Context,
  budget: Budget
): Promise<Issued> {
  const { settings, store, memory, log } = context
  const { user } = plan
  if (observedSecret && isAdminKey(observedSecret.accessKeyId, settings.adminAccessKeyId)) {
    context.metrics.adminKeyReplaced()
    log.warn({ namespace: plan.namespace }, 'the profile held a key of the store’s admin')
  }
  const observedEpoch = observedSecret && epochOfPair(settings.rootKey, user, observedSecret)
  if (plan.replacedUser !== undefined && observedEpoch === undefined) {
    await requireBucketToAdopt(plan, store, budget)
  }
  for (const bucket of plan.buckets) {
    // Nothing is written to one that is not ours to configure, so it is not looked at for each new profile.
    const isKnown = bucket.settings === undefined && memory.isBucketVerified(bucket.name)
    if (!isKnown) await ensureBucket(bucket, context, budget)
  }
  const live = await store.readIdentity(user, budget)
  // Whoever is quite new has no former users that nothing points to.
  const isNew = live === undefined && observedSecret === undefined
  const remembered = isNew ? memory.policyVerified(plan.policy.name) : undefined
  const policyName = remembered ?? (await ensurePolicy(plan, context, budget))
  const former = await findFormerUsers(plan, !isNew, context, budget)
  const seen = [observedSecret, ...(live?.accessKeys ?? [])].map(
    (key) => key && standingOf(settings, user, key.accessKeyId)?.epoch
  )
  // A key that nobody can have seen yet is not too old: else a Secret that never comes would cost one after another.
  const isUnseen = observedEpoch === undefined && seen.some((epoch) => epoch !== undefined)
  // Nor does a change of name bring an older key back.
  const replaced = former.map(
    ({ name }) => observedSecret && standingOf(settings, name, observedSecret.accessKeyId)?.epoch
  )
  const asked = isUnseen ? rotation.demandedEpoch : rotation.epoch
  const epoch = epochInForce(asked, [...seen, ...replaced])
  const accessKey = accessKeyFor(settings.rootKey, user, epoch)
  await grant(plan, { policyName, accessKey }, live, context, budget).catch(async (error) => {
    if (remembered === undefined) throw error
    // It may have been edited since, or be gone.
    const looked = await ensurePolicy(plan, context, budget)
    const found = await store.readIdentity(user, budget)
    await grant(plan, { policyName: looked, accessKey }, found, context, budget)
  })
  memory.rememberProof(user, accessKey.accessKeyId, observedSecret?.uid)
  log.info({ namespace: plan.namespace, user, bucket: plan.bucket }, 'storage provisioned')
  memory.clearSuspicion(user)
  return {
    key: accessKey,
    issuedAt:
      observedSecret && observedEpoch === epoch
        ? issuedAtFrom(observedSecret.issuedAt, epoch, settings, now)
        : now,
    isSettled:
      (live?.accessKeys ?? []).every((key) => key.accessKeyId === accessKey.accessKeyId) &&
      former.length === 0
  }
}

/**
 * All profiles of the per-profile layout have the same policy, and over HTTP a look at it costs the store a load of
 * every identity; so a new profile trusts the look that another one just had. Everybody else looks.
 */
async function ensurePolicy(
  { policy }: Plan,
  { settings, store, memory }: Context,
  budget: Budget
): Promise<string> {
  const name = await store.ensurePolicy(policy, budget)
  if (isOwnBucketPolicy(settings.namePrefix, policy.name)) memory.rememberPolicy(policy.name, name)
  return name
}

/** Limits, key and proof. */
async function grant(
  plan: Plan,
  desired: DesiredIdentity,
  live: Identity | undefined,
  { settings, store, proofPatienceMs }: Context,
  budget: Budget
): Promise<void> {
  const { user } = plan
  await store.ensureIdentity(user, desired, live, budget)
  for (const stale of live?.policies ?? []) {
    const isOurs = isPolicyOf(user, stale) || isOwnBucketPolicy(settings.namePrefix, stale)
    if (isOurs && stale !== desired.policyName) await store.deletePolicy(stale, budget)
  }
  await awaitProof(plan, desired, store, proofPatienceMs, budget)
}

/** A slip of the pen must not give the profile a new and empty bucket in the place of its data. */
async function requireBucketToAdopt(
  { namespace, bucket }: Plan,
  store: ObjectStore,
  budget: Budget
): Promise<void> {
  if (await store.hasBucket(bucket, budget)) return
  throw new InvalidProfile(
    `Annotation ${ADOPT_ANNOTATION} of profile ${namespace} names bucket ${bucket}, and the store has none of that name`
  )
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
