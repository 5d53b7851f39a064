import { bookingAfter, overloadMs, paceAfter, retryAfterSeconds } from '../desired/pace.ts'
import { Busy } from '../errors.ts'
import type { Budget, ObjectStore } from './object-store.ts'

/** What a call takes on a store of some hundred users; until the first one was measured. */
const FIRST_PACE_MS = 500

export interface Admission extends Pick<ObjectStore, 'admit'> {
  /** To be told of every write on identities: their time is what calls wait for. */
  writeEnded(budget: Budget, milliseconds: number): void
}

/** @param writers how many writes the store takes at once */
export function buildAdmission(
  writers: number,
  clock = () => performance.now(),
  random = Math.random
): Admission {
  /** The calls under way, and how long the writes of each have taken so far. */
  const usedMs = new Map<AbortSignal, number>()
  let paceMs = FIRST_PACE_MS
  let bookedAt = Number.NEGATIVE_INFINITY

  function turnAwayIfBusy({ namespace, endsAt, isRemoval }: Budget) {
    if (endsAt === undefined || isRemoval) return
    const now = clock()
    const load = { usedMs: [...usedMs.values()], paceMs, writers }
    const overMs = overloadMs(load, endsAt - now)
    if (overMs === 0) return
    bookedAt = bookingAfter(bookedAt, now, overMs, load)
    throw new Busy(namespace, retryAfterSeconds(bookedAt - now, random()))
  }

  return {
    async admit(budget, work) {
      const { signal } = budget
      turnAwayIfBusy(budget)
      usedMs.set(signal, 0)
      let isDone = false
      try {
        const result = await work()
        isDone = true
        return result
      } finally {
        paceMs = paceAfter(paceMs, usedMs.get(signal) as number, isDone)
        usedMs.delete(signal)
      }
    },

    writeEnded({ signal }, milliseconds) {
      const before = usedMs.get(signal)
      if (before !== undefined) usedMs.set(signal, before + milliseconds)
    }
  }
}
