import pLimit, { type LimitFunction } from 'p-limit'
import { BudgetExceeded } from './errors.ts'
import type { Budget } from './object-store/object-store.ts'

/**
 * One hook call at a time for one incarnation: Metacontroller retries a timed-out call while the old one
 * still runs. Different incarnations do not wait for each other.
 */
export class Turns {
  readonly #lines = new Map<string, LimitFunction>()

  /** @throws BudgetExceeded when the turn comes too late */
  async take<T>(user: string, budget: Budget, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(user) ?? pLimit(1)
    this.#lines.set(user, line)
    try {
      return await line(() => {
        if (budget.signal.aborted)
          throw new BudgetExceeded(`the turn of profile ${budget.namespace}`)
        return work()
      })
    } finally {
      if (line.activeCount + line.pendingCount === 0) this.#lines.delete(user)
    }
  }
}
