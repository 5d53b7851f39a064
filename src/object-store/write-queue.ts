import { Line } from '../line.ts'
import type { Budget } from './object-store.ts'

/**
 * Runs a write when its turn comes. Profiles take turns; a lane of another name is for what several of them
 * write, one after another.
 */
export type WriteQueue = <T>(
  step: string,
  budget: Budget,
  write: () => Promise<T>,
  lane?: string
) => Promise<T>

/** Told how the writes of a queue get on. */
export interface QueueWatcher {
  /** How many wait now. */
  queueLength(length: number): void
  writeWaited(milliseconds: number): void
  /** Whether it succeeded or not. */
  writeEnded(budget: Budget, milliseconds: number): void
}

const NOBODY: QueueWatcher = { queueLength() {}, writeWaited() {}, writeEnded() {} }

/**
 * A write whose sync has run out of budget meanwhile is not started: its retry may already be under way, or its
 * profile may be gone.
 *
 * @param writers how many writes may run at once, of different lanes
 */
export function buildWriteQueue(
  onWrite: (step: string, budget: Budget) => void,
  writers = 1,
  watcher = NOBODY,
  clock = () => performance.now()
): WriteQueue {
  const line = new Line(writers)
  return async (step, budget, write, lane = budget.namespace) => {
    const arrivedAt = clock()
    const turn = line.take(lane, step, budget, async () => {
      const begunAt = clock()
      watcher.queueLength(line.length)
      watcher.writeWaited(begunAt - arrivedAt)
      onWrite(step, budget)
      return write().finally(() => watcher.writeEnded(budget, clock() - begunAt))
    })
    watcher.queueLength(line.length)
    // Given up, it is in nobody's way any more.
    return turn.finally(() => watcher.queueLength(line.length))
  }
}
