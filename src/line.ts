import { BudgetExceeded } from './errors.ts'
import type { Budget } from './object-store/object-store.ts'

interface Waiting {
  readonly isRemoval: boolean
  readonly begin: () => void
}

interface Lane {
  isBusy: boolean
  readonly waiting: Waiting[]
}

/**
 * Who may begin next: so many at once, and one at a time in each lane. The lanes take turns, so that one with
 * much to do keeps nobody else waiting; within a lane what takes away goes first, and else who came first.
 */
export class Line {
  readonly #places: number
  /** The one that had its turn longest ago comes first. */
  readonly #lanes = new Map<string, Lane>()
  #running = 0

  constructor(places: number) {
    this.#places = places
  }

  /**
   * Waits for the turn, but no longer than the budget lasts, and starts nothing after it. What has been
   * started is waited for.
   * @throws BudgetExceeded naming the step when the turn does not come in time
   */
  async take<T>(lane: string, step: string, budget: Budget, work: () => Promise<T>): Promise<T> {
    // With its stack it costs more than the turn, and hardly anybody needs it.
    const exceeded = () => new BudgetExceeded(`${step} for profile ${budget.namespace}`)
    await this.#turn(lane, budget, exceeded)
    try {
      if (budget.signal.aborted) throw exceeded()
      return await work()
    } finally {
      this.#leave(lane)
    }
  }

  /** How many wait. */
  get length(): number {
    return this.#lanes.values().reduce((sum, { waiting }) => sum + waiting.length, 0)
  }

  /** How many lanes have somebody under way or waiting. */
  get lanes(): number {
    return this.#lanes.size
  }

  #turn(name: string, { signal, isRemoval = false }: Budget, exceeded: () => Error): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(exceeded())
      const lane = this.#lanes.get(name) ?? { isBusy: false, waiting: [] }
      this.#lanes.set(name, lane)
      const begin = () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const waiting = { isRemoval, begin }
      const giveUp = () => {
        lane.waiting.splice(lane.waiting.indexOf(waiting), 1)
        this.#drop(name, lane)
        reject(exceeded())
      }
      signal.addEventListener('abort', giveUp, { once: true })
      const others = lane.waiting.findIndex((other) => isRemoval && !other.isRemoval)
      lane.waiting.splice(others === -1 ? lane.waiting.length : others, 0, waiting)
      this.#beginNext()
    })
  }

  #beginNext(): void {
    for (const [name, lane] of this.#lanes) {
      if (this.#running >= this.#places) return
      const next = lane.isBusy ? undefined : lane.waiting.shift()
      if (next === undefined) continue
      this.#running += 1
      lane.isBusy = true
      this.#lanes.delete(name)
      this.#lanes.set(name, lane)
      next.begin()
    }
  }

  #leave(name: string): void {
    const lane = this.#lanes.get(name) as Lane
    this.#running -= 1
    lane.isBusy = false
    this.#drop(name, lane)
    this.#beginNext()
  }

  #drop(name: string, { isBusy, waiting }: Lane): void {
    if (!isBusy && waiting.length === 0) this.#lanes.delete(name)
  }
}
