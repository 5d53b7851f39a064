import { Line } from './line.ts'
import type { Budget } from './object-store/object-store.ts'

/**
 * One hook call at a time for one incarnation: Metacontroller retries a timed-out call while the old one
 * still runs. Different incarnations do not wait for each other.
 */
export class Turns {
  readonly #line = new Line(Number.POSITIVE_INFINITY)

  /** @throws BudgetExceeded when the turn does not come in time */
  async take<T>(user: string, budget: Budget, work: () => Promise<T>): Promise<T> {
    return this.#line.take(user, `taking the turn of user ${user}`, budget, work)
  }

  /** How many incarnations have a call under way or waiting. */
  get size(): number {
    return this.#line.lanes
  }
}
