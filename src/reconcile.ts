import type { Rest } from './answers.ts'
import type { Context } from './context.ts'
import { type Attachment, attachmentsFor, type Issued, timeText } from './desired/attachments.ts'
import { dataPolicyFor } from './desired/data-policy.ts'
import { observedIssue } from './desired/observed-issue.ts'
import { planFor } from './desired/plan.ts'
import { earliest, rotationFor } from './desired/rotation.ts'
import { SecretTaken } from './errors.ts'
import type { Budget } from './object-store/object-store.ts'
import { CREDENTIALS_SECRET, isEntitled, type Profile } from './profile.ts'
import { isProven, provision } from './provision.ts'
import { retire } from './retire.ts'

/** What one hook call came to, before it is put into the words of the parent's controller. */
export interface Outcome {
  readonly attachments: readonly Attachment[]
  /** `pending` until the Secret with the proven key is seen in the cluster; `emptying` while the data goes. */
  readonly readiness: 'pending' | 'ready' | 'emptying' | 'gone'
  /** RFC 3339: until when the key before the current one keeps working, if one does. */
  readonly settlingUntil?: string
  readonly resyncAfterSeconds?: number
  readonly finalized?: boolean
  /** Said when the key is proven and nothing is under way: the same call can be answered alike while the proof counts. */
  readonly rest?: Rest
}

/** Until the Secret is seen, nobody tells us that it exists: somebody else's may be in its place. */
const UNOBSERVED_RESYNC_SECONDS = 30
/** Caches lag by less than this, and the next sync comes later. */
const UNSEEN_PATIENCE_MS = 20_000
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
  const { settings, store, memory, metrics } = context
  const plan = planFor(profile, settings)
  // What counts when the profile goes must be right long before.
  dataPolicyFor(profile, settings)
  const now = context.now()
  const observed = observedIssue(profile, plan, now, settings)
  const isSettling = observed?.isSettled === false
  const rotation = rotationFor(profile, plan, settings, isSettling, now)

  return context.turns.take(plan.user, budget, async () => {
    memory.claim(plan.user, plan.policy)
    if (profile.observedSecret !== undefined) memory.forgetUnseen(plan.user)
    const isStillProven =
      observed !== undefined &&
      observed.epoch >= rotation.epoch &&
      !memory.isSuspect(plan.user) &&
      (await isProven(profile, plan, observed.key, context, budget))
    const issue = () => {
      const work = () => provision(profile, plan, rotation, now, context, budget)
      // A cache that lags shows no Secret yet: all is there, and nothing will be written.
      const isUnseen = profile.observedSecret === undefined && memory.hasFreshProof(plan.user)
      return isUnseen ? work() : store.admit(budget, work)
    }
    const issued = isStillProven ? observed : await issue()
    if (observed?.key.accessKeyId !== issued.key.accessKeyId) return pending(issued)
    const retired = await retire(plan, issued, rotation, now, context, budget)
    if (retired === 'outdated') return pending(await issue())
    const { keptUntil } = retired
    const dueAt = earliest([retired.dueAt, rotation.nextAt])
    const { accessKeyId } = issued.key
    const secretUid = profile.observedSecret?.uid
    return {
      attachments: attachmentsFor(plan, retired.issued, settings),
      readiness: 'ready',
      ...(keptUntil !== undefined && { settlingUntil: timeText(keptUntil) }),
      ...(dueAt !== undefined && { resyncAfterSeconds: secondsUntil(dueAt, now) }),
      ...(issued.isSettled && { rest: { user: plan.user, accessKeyId, secretUid, dueAt } })
    }
  })

  function pending(issued: Issued): Outcome {
    const isUnseen = profile.observedSecret === undefined
    if (isUnseen && memory.unseenMs(plan.user) >= UNSEEN_PATIENCE_MS) {
      // Said once; the next answer must be whole again, or the Secret could never come.
      memory.forgetUnseen(plan.user)
      metrics.secretTaken()
      throw new SecretTaken(CREDENTIALS_SECRET, plan.namespace)
    }
    const attachments = attachmentsFor(plan, issued, settings)
    return { attachments, readiness: 'pending', resyncAfterSeconds: UNOBSERVED_RESYNC_SECONDS }
  }
}

/** Not at once, because what was just written has to be seen; not too far off, because clocks jump. */
export function secondsUntil(dueAt: number, now: number): number {
  return Math.min(Math.max(dueAt - now, MIN_RESYNC_SECONDS), MAX_RESYNC_SECONDS)
}
