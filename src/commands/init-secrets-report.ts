import { CLEAN, FAILED } from './exit-codes.ts'
import type { InitOutcome } from './init-secrets.ts'
import { textOf } from './text.ts'

/** One line for a Secret, and what somebody must read. */
export function initSecretText({ name, result, warnings }: InitOutcome): string {
  const mark = result === 'failed' ? 'FAILED ' : 'WARNING'
  return textOf([`Secret ${name}: ${result}`, ...warnings.map((text) => `${mark} ${text}`)])
}

/** A warning is no failure: the next run would find the same. */
export function exitCodeOfInit(outcomes: readonly InitOutcome[]): number {
  return outcomes.some(({ result }) => result === 'failed') ? FAILED : CLEAN
}
