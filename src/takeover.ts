import type { Identity } from './desired/identity.ts'
import type { Retirement, Rotation } from './desired/rotation.ts'
import { isSyncPys } from './desired/takeover.ts'
import type { Budget } from './object-store/object-store.ts'
import type { Context } from './reconcile.ts'

/** The user that sync.py made for the profile, named like its namespace; undefined when there is none of its. */
export async function findLegacyIdentity(
  namespace: string,
  { settings, store }: Context,
  budget: Budget
): Promise<Identity | undefined> {
  const live = await store.readIdentity(namespace, budget)
  const isItsOwn = live !== undefined && isSyncPys(namespace, live, settings.adminAccessKeyId)
  return isItsOwn ? live : undefined
}

/**
 * Running pods still hold sync.py's key, so it works until the grace is over; then its keys are disabled, and
 * at the next look the user goes. Says when to look again and until when the key works, or nothing when
 * there is nothing left of it.
 */
export async function retireLegacyIdentity(
  namespace: string,
  issuedAt: number,
  { revokedBefore }: Rotation,
  now: number,
  context: Context,
  budget: Budget
): Promise<Pick<Retirement, 'dueAt' | 'keptUntil'> | undefined> {
  const live = await findLegacyIdentity(namespace, context, budget)
  if (live === undefined) return undefined
  const { settings, store, metrics, log } = context
  const graceEnd = issuedAt + settings.graceSeconds
  if (revokedBefore === 0 && now < graceEnd) return { dueAt: graceEnd, keptUntil: graceEnd }
  const active = live.accessKeys.filter(({ isActive }) => isActive)
  for (const { accessKeyId } of active) {
    await store.disableAccessKey(namespace, accessKeyId, budget)
    log.info({ namespace, accessKeyId }, 'disabled the key that sync.py had issued')
  }
  if (active.length > 0) return { dueAt: now, keptUntil: undefined }
  await store.deleteIdentity(namespace, live, budget)
  metrics.accessKeyRetired()
  log.info({ namespace, user: namespace }, 'removed the user that sync.py had made')
  return undefined
}
