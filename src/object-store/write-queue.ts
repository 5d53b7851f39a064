import pLimit from 'p-limit'
import { inTurn } from '../turns.ts'
import type { Budget } from './object-store.ts'

/** Runs one write at a time, in the order of arrival. */
export type WriteQueue = <T>(step: string, budget: Budget, write: () => Promise<T>) => Promise<T>

/**
 * SeaweedFS rewrites its whole identity set on most writes, so two writers at once lose users. A write
 * whose sync has run out of budget meanwhile is not started: its retry may already be under way, or its
 * profile may be gone.
 */
export function buildWriteQueue(onWrite: (step: string, budget: Budget) => void): WriteQueue {
  const line = pLimit(1)
  return (step, budget, write) =>
    inTurn(line, step, budget, () => {
      onWrite(step, budget)
      return write()
    })
}
