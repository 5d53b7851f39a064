import pLimit from 'p-limit'
import { BudgetExceeded } from '../errors.ts'
import type { Budget } from './object-store.ts'

/** Runs one write at a time, in the order of arrival. */
export type WriteQueue = <T>(step: string, budget: Budget, write: () => Promise<T>) => Promise<T>

/**
 * SeaweedFS rewrites its whole identity set on most writes, so two writers at once lose users. A write
 * whose sync has run out of budget meanwhile is not started: its retry may already be under way, or its
 * profile may be gone.
 */
export function buildWriteQueue(onWrite: (step: string, budget: Budget) => void): WriteQueue {
  const inTurn = pLimit(1)
  return (step, budget, write) =>
    inTurn(() => {
      if (budget.signal.aborted) throw new BudgetExceeded(`${step} for profile ${budget.namespace}`)
      onWrite(step, budget)
      return write()
    })
}
