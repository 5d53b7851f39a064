import type { Budget } from '../object-store/object-store.ts'

/** With thousands of users a single write takes SeaweedFS half a minute. */
const STEP_BUDGET_MS = 300_000

/** What one step of a command may take; a signal that ends the command ends it too. */
export function stepBudget(namespace: string, signal?: AbortSignal): Budget {
  const patience = AbortSignal.timeout(STEP_BUDGET_MS)
  return { namespace, signal: signal ? AbortSignal.any([signal, patience]) : patience }
}
