import type { FilerSettings, IamSettings, StoreSettings } from '../config.ts'
import { buildIamCheck } from './endpoint-checks.ts'
import { buildFilerApi } from './filer-api.ts'
import { checkFiler } from './filer-check.ts'
import { buildGrpcChannel } from './grpc-channel.ts'
import type { Identities } from './object-store.ts'
import { findOtherWriters } from './other-writers.ts'
import type { WriteQueue } from './write-queue.ts'

/** One of the two identity APIs, and how to see whether it is as the settings say. */
interface IdentityApi {
  readonly identities: Identities
  check(clockAheadMs: number, signal: AbortSignal): Promise<void>
  /** Where identities can be written beside it, as far as it was found out by now. */
  otherWriters(): readonly string[]
}

/** Somebody may start a gateway at any time; nobody needs to hear of it at once. */
const OTHER_WRITERS_INTERVAL_MS = 5 * 60_000

export function buildIdentityApi(settings: StoreSettings, queue: WriteQueue): IdentityApi {
  if (settings.filer !== undefined) return buildOnFiler(settings, queue)
  return buildOnIam(settings, queue)
}

function buildOnIam(settings: IamSettings, queue: WriteQueue): IdentityApi {
  const checkIam = buildIamCheck(settings)
  return {
    identities: loadedWhenCalled(async () => {
      const { buildIamApi } = await import('./iam-api.ts')
      return buildIamApi(settings, queue)
    }),
    check: (_clockAheadMs, signal) => checkIam(signal),
    // With this API HTTP is how identities are written, and who else does is not told by any answer.
    otherWriters: () => []
  }
}

const METHODS: Record<keyof Identities, true> = {
  ensurePolicy: true,
  deletePolicy: true,
  listPolicies: true,
  readPolicy: true,
  listUsers: true,
  readIdentity: true,
  surveyIdentities: true,
  ensureIdentity: true,
  disableAccessKey: true,
  deleteAccessKey: true,
  deleteIdentity: true
}

/** AWS's SDK is large, and a good part of what a start would take. */
function loadedWhenCalled(load: () => Promise<Identities>): Identities {
  let loading: Promise<Identities> | undefined
  type Method = (...args: unknown[]) => unknown
  const methods = Object.keys(METHODS).map((name) => [
    name,
    async (...args: unknown[]) => {
      loading ??= load()
      return ((await loading)[name as keyof Identities] as Method)(...args)
    }
  ])
  return Object.fromEntries(methods)
}

function buildOnFiler(settings: FilerSettings, queue: WriteQueue): IdentityApi {
  const { filer } = settings
  const channel = buildGrpcChannel(filer.address, filer.tls)
  let found: readonly string[] = []
  let lookedAt = Number.NEGATIVE_INFINITY
  return {
    identities: buildFilerApi(filer, channel, queue),
    check: (clockAheadMs, signal) => checkFiler(filer, channel, clockAheadMs, signal),
    otherWriters() {
      if (performance.now() - lookedAt >= OTHER_WRITERS_INTERVAL_MS) {
        lookedAt = performance.now()
        // Nobody waits for it: where packets are dropped it takes seconds.
        void findOtherWriters(settings, channel).then((writers) => {
          found = writers
        })
      }
      return found
    }
  }
}
