/** Over how many calls the pace is averaged, more or less. */
const CALLS = 5
/** A call needs time for its reads and its proof too, and the store may become slower. */
const SHARE_OF_BUDGET = 0.5
const MAX_WAIT_MS = 60_000

/** The calls under way, and how long the writes of one take. */
export interface Load {
  /** Of each call under way: how long its writes have taken so far. */
  readonly usedMs: readonly number[]
  /** How long the writes of one call take. */
  readonly paceMs: number
  /** How many writes the store takes at once. */
  readonly writers: number
}

/** The pace after one call more: a moving average, because a store gets slower with every user. */
export function paceAfter(
  paceMs: number | undefined,
  usedMs: number,
  isDone: boolean
): number | undefined {
  // A call that wrote nothing says nothing, and one that broke off says only that it takes so long at least.
  if (usedMs === 0 || (!isDone && usedMs < (paceMs ?? 0))) return paceMs
  return paceMs === undefined ? usedMs : paceMs + (usedMs - paceMs) / CALLS
}

/**
 * For how long a call has to stay away so as to end inside its budget; 0 when it may begin at once. With
 * nobody under way it may always: it would not become faster by waiting.
 */
export function overloadMs({ usedMs, paceMs, writers }: Load, budgetMs: number): number {
  const left = usedMs.map((used) => Math.max(0, paceMs - used))
  const aheadMs = left.reduce((sum, ms) => sum + ms, 0) / writers
  const overMs = aheadMs + paceMs - budgetMs * SHARE_OF_BUDGET
  return Math.max(0, Math.min(overMs, aheadMs))
}

/** For how long whoever is turned away stays away: behind those who were before it, one after the other. */
export function waitMs(
  overMs: number,
  turnedAwayBefore: number,
  { paceMs, writers }: Load
): number {
  return overMs + (turnedAwayBefore * paceMs) / writers
}

/**
 * Whole seconds, as Metacontroller wants them. A minute at most, because the pace may change; those who are beyond
 * it must not come back all at once.
 */
export function retryAfterSeconds(milliseconds: number, random: number): number {
  const spreadMs = milliseconds < MAX_WAIT_MS ? milliseconds : (MAX_WAIT_MS * (1 + random)) / 2
  return Math.max(1, Math.ceil(spreadMs / 1000))
}
