import type { Context } from './context.ts'
import { isPolicyOf } from './desired/access-policy.ts'
import { type Plan, planFor } from './desired/plan.ts'
import type { Budget, ObjectStore } from './object-store/object-store.ts'
import { isNamespaceName, type Profile } from './profile.ts'
import type { Outcome } from './reconcile.ts'

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
  if (profile.skipsStorageCleanup) {
    const { namespace, incarnation } = profile
    context.log.warn(
      { namespace, incarnation },
      'storage cleanup skipped: key and user stay behind'
    )
    return gone
  }
  const plan = planFor(profile, context.settings)

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

/** Whether there was anything to take away: of the user, and of the one it replaced when it adopted a name. */
async function revoke(plan: Plan, store: ObjectStore, budget: Budget): Promise<boolean> {
  let foundSomething = false
  for (const user of [plan.user, plan.replacedUser]) {
    const live = user && (await store.readIdentity(user, budget))
    if (!live) continue
    foundSomething = true
    await store.deleteIdentity(user, live, budget)
    for (const policy of live.policies) {
      if (isPolicyOf(user, policy)) await store.deletePolicy(policy, budget)
    }
  }
  const { name } = plan.policy
  if (isPolicyOf(plan.user, name)) await store.deletePolicy(name, budget)
  return foundSomething
}
