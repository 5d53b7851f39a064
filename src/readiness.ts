import type { FastifyBaseLogger } from 'fastify'
import type { Context } from './context.ts'
import { knownHoles, otherWriterHole } from './desired/known-holes.ts'
import { NotReady } from './errors.ts'

export interface Readiness {
  /** Why nothing can be done, in one sentence; undefined when all is well. */
  readonly fault: InstanceType<typeof NotReady> | undefined
  /** Sentences about known holes, with their remedies. */
  readonly warnings: readonly string[]
}

/** Before a probe of Kubernetes gives up: 7 s in our manifests. */
const TIMEOUT_MS = 4_000
const SHARED_MS = 2_000

/** Asks the store when asked, and logs what is new: a fault, its end, and each warning once. */
export function buildReadiness(
  { store, settings }: Pick<Context, 'store' | 'settings'>,
  log: FastifyBaseLogger
): () => Promise<Readiness> {
  const toldWarnings = new Set<string>()
  let toldFault: string | undefined

  function tell({ fault, warnings }: Readiness) {
    if (fault?.message !== toldFault) {
      if (fault === undefined) log.info('Ready again: the store answers as it should')
      else log.error({ code: fault.code }, `Not ready: ${fault.message}`)
    }
    toldFault = fault?.message
    for (const warning of warnings) {
      if (!toldWarnings.has(warning)) log.warn(warning)
      toldWarnings.add(warning)
    }
  }

  return sharedFor(SHARED_MS, async () => {
    const readiness = await readinessOf({ store, settings })
    tell(readiness)
    return readiness
  })
}

async function readinessOf({
  store,
  settings
}: Pick<Context, 'store' | 'settings'>): Promise<Readiness> {
  const budget = { namespace: '(readiness check)', signal: AbortSignal.timeout(TIMEOUT_MS) }
  try {
    const { storeVersion, otherWriters } = await store.checkReadiness(budget)
    const holes = [...knownHoles(storeVersion, settings), ...otherWriters.map(otherWriterHole)]
    return {
      fault: undefined,
      warnings: holes.map(({ name, remedy }) => `${name}; ${remedy}.`)
    }
  } catch (error) {
    if (error instanceof NotReady) return { fault: error, warnings: [] }
    throw error
  }
}

/**
 * Whoever asks within that time after a start of the work, or before its end, gets the same answer: anybody may ask,
 * and of two at once the older one could have the last word.
 */
function sharedFor<T>(milliseconds: number, work: () => Promise<T>): () => Promise<T> {
  let startedAt = Number.NEGATIVE_INFINITY
  let isRunning = false
  let answer: Promise<T>
  return () => {
    if (!isRunning && performance.now() - startedAt >= milliseconds) {
      startedAt = performance.now()
      isRunning = true
      answer = work().finally(() => {
        isRunning = false
      })
    }
    return answer
  }
}
