import { setTimeout as pause } from 'node:timers/promises'
import type { AccessKey } from './desired/credentials.ts'
import type { Plan } from './desired/plan.ts'
import { NotIsolated, StoreUnavailable } from './errors.ts'
import type {
  Budget,
  DesiredIdentity,
  ObjectStore,
  ProbeAnswer
} from './object-store/object-store.ts'

/**
 * Access and one refusal, with the profile's own key on the gateway that profiles use. `open` when the key
 * opens what is not the profile's.
 */
export async function probe(
  { probes }: Plan,
  accessKey: AccessKey,
  store: ObjectStore,
  budget: Budget
): Promise<'proven' | 'open' | ProbeAnswer> {
  const own = await store.probe(accessKey, probes.own, budget)
  if (own !== 'absent' && own !== 'readable') return own
  const foreign = await store.probe(accessKey, probes.foreign, budget)
  if (foreign === 'absent' || foreign === 'readable') return 'open'
  return foreign === 'denied' ? 'proven' : foreign
}

/**
 * Waits for key and limits to reach the gateway, and replaces the key once if its id carries another secret.
 * @throws NotIsolated when the key still opens what is not the profile's
 */
export async function awaitProof(
  plan: Plan,
  desired: DesiredIdentity,
  store: ObjectStore,
  patienceMs: number,
  budget: Budget
): Promise<void> {
  const deadline = performance.now() + patienceMs
  let wasReplaced = false
  let pauseMs = 10
  let answer = await probe(plan, desired.accessKey, store, budget)
  while (answer !== 'proven') {
    if (answer === 'wrong-secret' && !wasReplaced) {
      await replaceAccessKey(plan, desired, store, budget)
      wasReplaced = true
    } else if (performance.now() + pauseMs > deadline || budget.signal.aborted) {
      throw notProven(plan, answer)
    } else {
      await pause(pauseMs)
      pauseMs *= 2
    }
    answer = await probe(plan, desired.accessKey, store, budget)
  }
}

function notProven({ namespace, probes }: Plan, answer: 'open' | ProbeAnswer): Error {
  if (answer === 'open') {
    const { bucket, key } = probes.foreign
    const step = `probing bucket ${bucket} with the key of profile ${namespace}`
    return new NotIsolated(step, `object ${key} is not the profile's and yet it is not refused`)
  }
  const step = `waiting for the key of profile ${namespace} to work`
  return new StoreUnavailable(step, `the gateway still says ${answer}`)
}

/** The id is ours by construction; if the store shows it at another user, no key is safe to hand out. */
async function replaceAccessKey(
  { namespace, user }: Plan,
  desired: DesiredIdentity,
  store: ObjectStore,
  budget: Budget
): Promise<void> {
  const { accessKeyId } = desired.accessKey
  const live = await store.readIdentity(user, budget)
  if (!live?.accessKeys.some((key) => key.accessKeyId === accessKeyId)) {
    const step = `issuing access key ${accessKeyId} to profile ${namespace}`
    throw new NotIsolated(step, 'the id belongs to another user of the store')
  }
  await store.deleteAccessKey(user, accessKeyId, budget)
  const accessKeys = live.accessKeys.filter((key) => key.accessKeyId !== accessKeyId)
  await store.ensureIdentity(user, desired, { ...live, accessKeys }, budget)
}
