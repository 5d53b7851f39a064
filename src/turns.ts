import pLimit, { type LimitFunction } from 'p-limit'
import { BudgetExceeded } from './errors.ts'
import type { Budget } from './object-store/object-store.ts'

/**
 * Waits for the turn, but no longer than the budget lasts, and starts nothing after it. What has been
 * started is waited for.
 * @throws BudgetExceeded naming the step when the turn does not come in time
 */
export function inTurn<T>(
  line: LimitFunction,
  step: string,
  { namespace, signal }: Budget,
  work: () => Promise<T>
): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new BudgetExceeded(`${step} for profile ${namespace}`))
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    const begin = async () => {
      signal.removeEventListener('abort', giveUp)
      if (signal.aborted) return giveUp()
      return work().then(resolve, reject)
    }
    line(begin).catch(reject)
  })
}

/**
 * One hook call at a time for one incarnation: Metacontroller retries a timed-out call while the old one
 * still runs. Different incarnations do not wait for each other.
 */
export class Turns {
  readonly #lines = new Map<string, { readonly line: LimitFunction; takers: number }>()

  /** @throws BudgetExceeded when the turn does not come in time */
  async take<T>(user: string, budget: Budget, work: () => Promise<T>): Promise<T> {
    const entry = this.#lines.get(user) ?? { line: pLimit(1), takers: 0 }
    this.#lines.set(user, entry)
    entry.takers += 1
    try {
      return await inTurn(entry.line, `taking the turn of user ${user}`, budget, work)
    } finally {
      entry.takers -= 1
      if (entry.takers === 0) this.#lines.delete(user)
    }
  }

  /** How many incarnations have a call under way or waiting. */
  get size(): number {
    return this.#lines.size
  }
}
