import { isDue, type Orphan, orphanedUser, type SweepRules } from '../desired/orphans.ts'
import { CommandFailed, StoreRejected } from '../errors.ts'
import type { Budget, ObjectStore } from '../object-store/object-store.ts'
import { stepBudget } from './step-budget.ts'
import type { SweepOptions, SweepPlan } from './sweep.ts'

/** What came of an orphan that was due. */
export interface Outcome {
  readonly orphan: Orphan
  /** Why it was not done; undefined when it was. */
  readonly refusal: string | undefined
}

interface ApplyOptions extends Pick<SweepOptions, 'onProgress' | 'signal'> {
  readonly evenMost: boolean
}

/** What an orphan is carried out with. */
interface Field extends ApplyOptions {
  readonly rules: SweepRules
  readonly store: ObjectStore
}

const PROGRESS_EVERY_MS = 10_000

/**
 * Does what is due, one thing after another. Each is looked at once more before, and left if a profile has
 * begun to use it meanwhile. What the store refuses is told, and does not keep the rest from being done.
 * @throws CommandFailed when it is too much to be meant
 */
export async function applySweep(
  { orphans, most, rules }: SweepPlan,
  store: ObjectStore,
  options: ApplyOptions
): Promise<Outcome[]> {
  if (most.length > 0 && !options.evenMost) {
    throw new CommandFailed(
      `At least half of the ${most.join(' and ')} of ours would go, so nothing was done: is that the list of this cluster? --even-most does it all the same`
    )
  }
  const field = { ...options, rules, store }
  const outcomes: Outcome[] = []
  for (const orphan of orphans.filter(isDue)) {
    options.signal.throwIfAborted()
    const refusal = await carryOut(orphan, field).catch((error: unknown) => {
      if (error instanceof StoreRejected) return error.message
      throw error
    })
    const { step, kind, name } = orphan
    options.onProgress(`${step} ${kind} ${name}: ${refusal ?? 'done'}`)
    outcomes.push({ orphan, refusal })
  }
  return outcomes
}

/** Why it was not done, or nothing. */
async function carryOut(orphan: Orphan, field: Field): Promise<string | undefined> {
  switch (orphan.kind) {
    case 'user':
      return endUser(orphan, field)
    case 'policy': {
      const answer = await field.store.deletePolicy(orphan.name, budgetFor(orphan))
      return answer === 'attached' ? 'a user has it' : undefined
    }
    case 'bucket':
      return deleteBucket(orphan, field)
  }
}

async function endUser(orphan: Orphan, { rules, store }: Field): Promise<string | undefined> {
  const { name, step } = orphan
  const budget = budgetFor(orphan)
  const identity = await store.readIdentity(name, budget)
  if (identity === undefined) return undefined
  if (orphanedUser(name, identity, rules).step !== step) return 'its keys have changed meanwhile'
  if (step === 'delete') {
    await store.deleteIdentity(name, identity, budget)
    return undefined
  }
  for (const { accessKeyId, isActive } of identity.accessKeys) {
    if (isActive) await store.disableAccessKey(name, accessKeyId, budget)
  }
  return undefined
}

/** Page by page, so that an interruption costs nothing; the next run goes on. */
async function deleteBucket(
  orphan: Orphan,
  { store, onProgress, signal }: Field
): Promise<string | undefined> {
  const { name, namespace = '' } = orphan
  // It takes its time, and meanwhile a profile may adopt the bucket.
  const isInUse = async () => (await store.readIdentity(name, budgetFor(orphan))) !== undefined
  let removed = 0
  let isEmpty = false
  while (!isEmpty) {
    if (await isInUse()) return 'a user of its name is there'
    const budget = stepBudget(namespace, signal)
    const emptying = await store.emptyBucket(name, PROGRESS_EVERY_MS, budget)
    removed += emptying.removed
    isEmpty = emptying.isEmpty
    if (removed > 0) onProgress(`  removed ${removed} objects of bucket ${name}`)
  }
  if (await isInUse()) return 'a user of its name is there'
  await store.deleteBucket(name, budgetFor(orphan))
  return undefined
}

/** A user half deleted has no key that shows whose it is; so a step that was begun is not interrupted. */
function budgetFor({ namespace = '(all)' }: Orphan): Budget {
  return stepBudget(namespace)
}
