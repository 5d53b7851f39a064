import { type Load, overloadMs, paceAfter, retryAfterSeconds, waitMs } from '../desired/pace.ts'
import { Busy } from '../errors.ts'
import type { Budget, ObjectStore } from './object-store.ts'

/** Until the pace is known: what a call takes on a store of two hundred users. */
const FIRST_PACE_MS = 250
/** Until the pace is known: as many at once as Metacontroller has workers by default. */
const FIRST_CALLS = 5
/** Whoever has not come back by then was deleted, or is served by another replica. */
const PATIENCE_MS = 30_000

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
  let paceMs: number | undefined
  /** Until when those are expected who were turned away, the first of them first. */
  const turnedAway = new Map<string, number>()

  function turnAwayIfBusy({ namespace, endsAt, isRemoval }: Budget) {
    if (endsAt === undefined || isRemoval) return
    const now = clock()
    const load = { usedMs: [...usedMs.values()], paceMs: paceMs ?? FIRST_PACE_MS, writers }
    const isGuess = paceMs === undefined && usedMs.size >= FIRST_CALLS * writers
    const overMs = Math.max(overloadMs(load, endsAt - now), isGuess ? FIRST_PACE_MS : 0)
    if (overMs > 0) turnAway(namespace, overMs, load, now)
    turnedAway.delete(namespace)
  }

  function turnAway(namespace: string, overMs: number, load: Load, now: number): never {
    for (const [other, expectedUntil] of turnedAway) {
      if (expectedUntil < now) turnedAway.delete(other)
    }
    // Who comes back keeps its place.
    if (!turnedAway.has(namespace)) turnedAway.set(namespace, now)
    const before = [...turnedAway.keys()].indexOf(namespace)
    const seconds = retryAfterSeconds(waitMs(overMs, before, load), random())
    turnedAway.set(namespace, now + seconds * 1000 + PATIENCE_MS)
    throw new Busy(namespace, seconds)
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
