import type { Context } from './context.ts'
import type { Issued } from './desired/attachments.ts'
import { standingOf } from './desired/credentials.ts'
import type { Plan } from './desired/plan.ts'
import {
  earliest,
  newestOf,
  type Retirement,
  type Rotation,
  retirementFor,
  type StoredKey
} from './desired/rotation.ts'
import { retireFormerUsers } from './former-users.ts'
import type { Budget } from './object-store/object-store.ts'

/**
 * The story of the other keys of a profile, once its current one was seen in the cluster: the one before
 * works until the grace is over, all the rest goes. Nobody asks the store any more when none is left.
 * `outdated` when the store has a newer key, issued by another replica, or has lost this one: then nothing
 * is taken away.
 */
export async function retire(
  plan: Plan,
  issued: Issued,
  rotation: Rotation,
  now: number,
  context: Context,
  budget: Budget
): Promise<'outdated' | ({ readonly issued: Issued } & Pick<Retirement, 'dueAt' | 'keptUntil'>)> {
  const { settings, store, metrics, log } = context
  const { namespace, user } = plan
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
  const former = await retireFormerUsers(plan, issued.issuedAt, rotation, now, context, budget)
  const isSettled = remove.length === others.length && former === undefined
  return {
    issued: { ...issued, isSettled },
    dueAt: earliest([dueAt, former?.dueAt]),
    keptUntil: keptUntil ?? former?.keptUntil
  }
}
