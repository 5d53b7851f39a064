import { setTimeout as pause } from 'node:timers/promises'
import { type Answer, type Attachment, syncBody } from './cluster.ts'
import type { HookProcess } from './hook-process.ts'
import { buildPost } from './http-client.ts'

export interface Onboarding {
  readonly wallMs: number
  /** When each profile had its Secret, since the beginning, in order of time. */
  readonly secretAtMs: readonly number[]
  /** What each profile waited: from its first call to its Secret, and for the answer to the call that shows it. */
  readonly profileMs: readonly number[]
  readonly calls: number
  /** Calls that Metacontroller gave up, or that failed. */
  readonly timedOut: number
  readonly failed: number
  /** Calls answered with 429. */
  readonly deferred: number
  /** Profiles that were done when the limit came. */
  readonly done: number
  /** The last answer of each profile. */
  readonly answers: ReadonlyMap<string, readonly Attachment[]>
}

export interface OnboardingOptions {
  /** After which Metacontroller gives a call up: that of the controller's webhook. */
  readonly timeoutMs: number
  /** After which the benchmark gives up. */
  readonly limitMs: number
  readonly workers?: number
}

/** Metacontroller's own: five workers, and after a failure 5 ms * 2^n up to 1000 s. */
const WORKERS = 5
const FIRST_BACKOFF_MS = 5
const MAX_BACKOFF_MS = 1_000_000

interface Parent {
  readonly namespace: string
  attachments: readonly Attachment[]
  failures: number
  startedAt: number | undefined
  secretMs: number
}

/**
 * All profiles arrive at once, and are synced as Metacontroller does it until each has its Secret and that Secret was
 * seen: a first sync, then one that shows what the first one answered.
 */
export async function onboard(
  hook: HookProcess,
  names: readonly string[],
  { timeoutMs, limitMs, workers = WORKERS }: OnboardingOptions
): Promise<Onboarding> {
  const post = buildPost(`${hook.url}/sync`, hook.headers, workers)
  const queue: Parent[] = names.map((namespace) => ({
    namespace,
    attachments: [],
    failures: 0,
    startedAt: undefined,
    secretMs: 0
  }))
  const counts = { calls: 0, timedOut: 0, failed: 0, deferred: 0 }
  const secretAtMs: number[] = []
  const profileMs: number[] = []
  const answers = new Map<string, readonly Attachment[]>()
  const beganAt = performance.now()
  const isOver = () => profileMs.length === names.length || performance.now() - beganAt > limitMs

  async function sync(parent: Parent): Promise<void> {
    const calledAt = performance.now()
    parent.startedAt ??= calledAt
    counts.calls += 1
    const signal = AbortSignal.timeout(timeoutMs)
    const answer = await post(syncBody(parent.namespace, parent.attachments), signal).catch(
      () => undefined
    )
    if (answer?.status === 429) {
      counts.deferred += 1
      return later(parent, Number(answer.headers['retry-after']) * 1000)
    }
    if (answer?.status !== 200) {
      counts[signal.aborted ? 'timedOut' : 'failed'] += 1
      parent.failures += 1
      return later(parent, Math.min(FIRST_BACKOFF_MS * 2 ** (parent.failures - 1), MAX_BACKOFF_MS))
    }
    parent.failures = 0
    const { attachments } = JSON.parse(answer.text) as Answer
    const secret = secretOf(attachments)
    if (secret === undefined) throw new Error(`The hook gave ${parent.namespace} no Secret`)
    const now = performance.now()
    const isShown = secretOf(parent.attachments) === secret
    parent.attachments = attachments
    if (isShown) {
      profileMs.push(parent.secretMs + now - calledAt)
      answers.set(parent.namespace, attachments)
      return
    }
    secretAtMs.push(now - beganAt)
    parent.secretMs = now - parent.startedAt
    // The Secret's arrival in the cluster is what wakes Metacontroller.
    queue.push(parent)
  }

  function later(parent: Parent, ms: number): void {
    setTimeout(() => queue.push(parent), ms).unref()
  }

  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (!isOver()) {
        const parent = queue.shift()
        await (parent === undefined ? pause(2) : sync(parent))
      }
    })
  )
  return {
    wallMs: performance.now() - beganAt,
    secretAtMs,
    profileMs,
    ...counts,
    done: profileMs.length,
    answers
  }
}

function secretOf(attachments: readonly Attachment[]): string | undefined {
  return attachments.find(({ kind }) => kind === 'Secret')?.data?.['secretkey']
}
