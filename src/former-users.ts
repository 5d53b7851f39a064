import type { ProfileSettings } from './config.ts'
import type { Context } from './context.ts'
import { standingOf } from './desired/credentials.ts'
import { holdsKeyOfOurs, type Identity } from './desired/identity.ts'
import { type Plan, userPatternFor } from './desired/plan.ts'
import { isPolicyOf } from './desired/policy-name.ts'
import type { Retirement, Rotation } from './desired/rotation.ts'
import { isSyncPys } from './desired/takeover.ts'
import type { Budget, ObjectStore } from './object-store/object-store.ts'

/** A user that served the profile before the current one did. */
interface FormerUser {
  readonly name: string
  readonly live: Identity
}

/**
 * The user that sync.py made for the profile, named like its namespace, and users of ours under another name
 * of the profile's: before it adopted an earlier one's, or after it gave that up. `search` looks for names
 * that nothing points to any more, at the cost of a read of all users.
 */
export async function findFormerUsers(
  plan: Plan,
  search: boolean,
  { settings, store }: Context,
  budget: Budget
): Promise<FormerUser[]> {
  const { namespace, user, replacedUser } = plan
  const pattern = userPatternFor(settings.namePrefix, namespace)
  const everybody = search ? await store.listUsers(budget) : []
  const ours = everybody.filter((name) => pattern.test(name) && name !== user)
  if (replacedUser !== undefined) ours.push(replacedUser)

  const former: FormerUser[] = []
  for (const name of new Set([namespace, ...ours])) {
    const live = await store.readIdentity(name, budget)
    if (live === undefined) continue
    const isFormer =
      name === namespace
        ? isSyncPys(namespace, live, settings.adminAccessKeyId)
        : holdsKeyOfOurs(name, live, settings)
    if (isFormer || name === replacedUser) former.push({ name, live })
  }
  return former
}

/**
 * Running pods still hold their keys, so these work until the grace is over; then they are disabled, and at
 * the next look the users go. Says when to look again and until when a key works, or nothing when nothing is
 * left of them.
 */
export async function retireFormerUsers(
  plan: Plan,
  issuedAt: number,
  { revokedBefore }: Rotation,
  now: number,
  context: Context,
  budget: Budget
): Promise<Pick<Retirement, 'dueAt' | 'keptUntil'> | undefined> {
  const { settings, store, metrics, log } = context
  const { namespace } = plan
  const former = await findFormerUsers(plan, true, context, budget)
  if (former.length === 0) return undefined
  const graceEnd = issuedAt + settings.graceSeconds
  let isAnyKept = false
  let isAnyLeft = false
  for (const { name, live } of former) {
    if (now < graceEnd && isGraced(name, live, revokedBefore, settings)) {
      isAnyKept = true
      continue
    }
    const active = live.accessKeys.filter(({ isActive }) => isActive)
    for (const { accessKeyId } of active) {
      await store.disableAccessKey(name, accessKeyId, budget)
      log.info({ namespace, user: name, accessKeyId }, 'disabled the key of a former user')
    }
    if (active.length > 0) {
      isAnyLeft = true
      continue
    }
    await removeUser(name, live, store, budget)
    metrics.accessKeyRetired()
    log.info({ namespace, user: name }, 'removed a former user of the profile')
  }
  if (!isAnyLeft && !isAnyKept) return undefined
  return { dueAt: isAnyLeft ? now : graceEnd, keptUntil: isAnyKept ? graceEnd : undefined }
}

/** A revocation ends what is older; of a key that is not ours nobody knows the age. */
function isGraced(
  user: string,
  { accessKeys }: Identity,
  revokedBefore: number,
  settings: ProfileSettings
): boolean {
  if (revokedBefore === 0) return true
  const epochs = accessKeys.map(
    ({ accessKeyId }) => standingOf(settings, user, accessKeyId)?.epoch ?? -1
  )
  return Math.max(...epochs) >= revokedBefore
}

/** The user with its keys, and the policies that were its own. */
export async function removeUser(
  user: string,
  live: Identity,
  store: ObjectStore,
  budget: Budget
): Promise<void> {
  await store.deleteIdentity(user, live, budget)
  for (const policy of live.policies) {
    if (isPolicyOf(user, policy)) await store.deletePolicy(policy, budget)
  }
}
