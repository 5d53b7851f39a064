import type { Context } from './context.ts'
import { isPolicyOf } from './desired/access-policy.ts'
import { type Plan, planFor } from './desired/plan.ts'
import { findFormerUsers, removeUser } from './former-users.ts'
import type { Budget } from './object-store/object-store.ts'
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
    const foundSomething = await revoke(plan, context, budget)
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

/** Whether there was anything to take away. What served the profile before has no grace without it. */
async function revoke(plan: Plan, context: Context, budget: Budget): Promise<boolean> {
  const { store } = context
  const { user, policy } = plan
  const live = await store.readIdentity(user, budget)
  const former = await findFormerUsers(plan, false, context, budget)
  if (live !== undefined) await removeUser(user, live, store, budget)
  for (const { name, live } of former) await removeUser(name, live, store, budget)
  if (isPolicyOf(user, policy.name)) await store.deletePolicy(policy.name, budget)
  return live !== undefined || former.length > 0
}
