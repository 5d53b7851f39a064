import { setTimeout as pause } from 'node:timers/promises'

const MIN_PAUSE_MS = 50
/** Whoever waits long need not know to the moment, and many who look often slow everything down. */
const PAUSE_SHARE = 0.1
const MAX_PAUSE_MS = 1_000
const USUAL_PATIENCE_MS = 60_000

/**
 * Looks again and again until there is something, because nothing in a cluster happens at once.
 * @throws Error that says what did not come about, with the last failure to look as its cause
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  patienceMs = USUAL_PATIENCE_MS
): Promise<T> {
  const startedAt = performance.now()
  const waitedMs = () => performance.now() - startedAt
  let cause: unknown
  while (waitedMs() < patienceMs) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
      cause = undefined
    } catch (error) {
      cause = error
    }
    await pause(Math.min(Math.max(waitedMs() * PAUSE_SHARE, MIN_PAUSE_MS), MAX_PAUSE_MS))
  }
  throw new Error(`Not within ${patienceMs / 1000} s: ${what}`, { cause })
}
