import type { ProfileSettings } from './config.ts'
import type { Memory } from './memory.ts'
import type { Metrics } from './metrics.ts'
import type { ObjectStore } from './object-store/object-store.ts'
import type { Turns } from './turns.ts'

/** What the story needs from outside, all of it replaceable. */
export interface Context {
  readonly settings: ProfileSettings
  readonly store: ObjectStore
  readonly memory: Memory
  readonly turns: Turns
  /** Wall clock, in seconds since 1970. */
  readonly now: () => number
  readonly syncBudgetMs: number
  /** How long a new key may take to reach the gateway before the call gives up. */
  readonly proofPatienceMs: number
  readonly log: Log
  readonly metrics: Pick<
    Metrics,
    | 'bucketPolicyRepaired'
    | 'accessKeyRetired'
    | 'adminKeyReplaced'
    | 'secretTaken'
    | 'objectsDeleted'
  >
}

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
