import type { Context } from './context.ts'
import { dataPolicyFor } from './desired/data-policy.ts'
import { observedIssue } from './desired/observed-issue.ts'
import { type Plan, planFor } from './desired/plan.ts'
import { isPolicyOf } from './desired/policy-name.ts'
import { findFormerUsers, removeUser } from './former-users.ts'
import type { Budget } from './object-store/object-store.ts'
import { isNamespaceName, type Profile } from './profile.ts'
import type { Outcome } from './reconcile.ts'

/** How long one call removes data. Other profiles wait for the same few workers of Metacontroller. */
const REMOVAL_MS = 5_000
const REMOVAL_RESYNC_SECONDS = 1

/**
 * The story of a finalize, for deletion and for opt-out alike: keys, user and own policies go, and then, if the
 * profile is deleted and wants it so, the data, in as many calls as it takes. It is done only when one sync
 * budget has passed in which nothing came back, because until then a sync that began before may still be
 * writing.
 */
export async function finalizeProfile(
  profile: Profile,
  context: Context,
  allowance: Budget
): Promise<Outcome> {
  const budget = { ...allowance, isRemoval: true }
  const startedAt = performance.now()
  const gone = { attachments: [], readiness: 'gone', finalized: true } as const
  if (!isNamespaceName(profile.namespace)) return gone
  if (profile.skipsStorageCleanup) {
    const { namespace, incarnation } = profile
    context.log.warn(
      { namespace, incarnation },
      'storage cleanup skipped: key, user and data stay behind'
    )
    return gone
  }
  const plan = await planOrRevoke(profile, context, budget)

  return context.turns.take(plan.user, budget, async () => {
    context.memory.forget(plan.user, plan.bucket)
    const hadIdentity = await context.store.admit(budget, () =>
      revoke(profile, plan, context, budget)
    )
    const remainingMs = context.syncBudgetMs - (performance.now() - startedAt)
    const patienceMs = Math.min(remainingMs / 2, REMOVAL_MS)
    const data = await removeData(profile, plan, patienceMs, context, budget)
    const foundSomething = hadIdentity || data !== 'none'
    const quietMs = context.memory.quietMs(plan.user, profile.going, foundSomething)
    if (data === 'unfinished') {
      const resyncAfterSeconds = REMOVAL_RESYNC_SECONDS
      return { ...gone, readiness: 'emptying', finalized: false, resyncAfterSeconds }
    }
    const waitMs = context.syncBudgetMs - quietMs
    if (waitMs <= 0) {
      context.memory.forgetDeparture(plan.user)
      return gone
    }
    const resyncAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
    return { ...gone, finalized: false, resyncAfterSeconds }
  })
}

/** A name that cannot be adopted is an error, but it keeps no key of the profile's own alive. */
async function planOrRevoke(profile: Profile, context: Context, budget: Budget): Promise<Plan> {
  const { settings, turns, memory } = context
  try {
    return planFor(profile, settings)
  } catch (error) {
    const own = planFor({ ...profile, adoptBucket: undefined }, settings)
    await turns.take(own.user, budget, () => {
      memory.forget(own.user, own.bucket)
      return context.store.admit(budget, () => revoke(profile, own, context, budget))
    })
    throw error
  }
}

/** Whether there was anything to take away. What served the profile before has no grace without it. */
async function revoke(
  profile: Profile,
  plan: Plan,
  context: Context,
  budget: Budget
): Promise<boolean> {
  const { settings, store } = context
  const { user, policy } = plan
  const live = await store.readIdentity(user, budget)
  // Only while its Secret is there and says so: a call that comes late must not hit a later life.
  const isSettled = observedIssue(profile, plan, context.now(), settings)?.isSettled === true
  const isSettling = profile.observedSecret !== undefined && !isSettled
  const former = await findFormerUsers(plan, isSettling, context, budget)
  if (live !== undefined) await removeUser(user, live, store, budget)
  for (const { name, live } of former) await removeUser(name, live, store, budget)
  if (isPolicyOf(user, policy.name)) await store.deletePolicy(policy.name, budget)
  return live !== undefined || former.length > 0
}

/**
 * The data of a deleted profile goes with its bucket, if the data policy says so. The keys are gone by now, so
 * that a mistake in the policy keeps none alive, and nobody writes any more.
 */
async function removeData(
  profile: Profile,
  plan: Plan,
  patienceMs: number,
  context: Context,
  budget: Budget
): Promise<'none' | 'unfinished' | 'removed'> {
  const isWanted = profile.isTerminating && dataPolicyFor(profile, context.settings) === 'Delete'
  if (!isWanted) return 'none'
  const { store, metrics, log } = context
  const { namespace } = plan
  const deadline = performance.now() + patienceMs
  let foundSomething = false
  for (const bucket of bucketsOf(plan)) {
    if (!(await store.hasBucket(bucket, budget))) continue
    foundSomething = true
    const leftMs = deadline - performance.now()
    const { removed, isEmpty } = await store.emptyBucket(bucket, leftMs, budget)
    metrics.objectsDeleted(removed)
    log.info({ namespace, bucket, removed, isEmpty }, 'deleting the data of a deleted profile')
    if (!isEmpty) return 'unfinished'
    await store.deleteBucket(bucket, budget)
    log.info({ namespace, bucket }, 'deleted the bucket of a deleted profile')
  }
  return foundSomething ? 'removed' : 'none'
}

/** Its own, and where it adopted one, the one that it had of its own before. */
function bucketsOf({ bucket, replacedUser }: Plan): string[] {
  return replacedUser === undefined ? [bucket] : [bucket, replacedUser]
}
