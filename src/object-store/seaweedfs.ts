import type { FilerSettings, StoreSettings } from '../config.ts'
import { buildEndpointChecks } from './endpoint-checks.ts'
import { buildFilerApi } from './filer-api.ts'
import { checkFiler } from './filer-check.ts'
import { buildGrpcChannel } from './grpc-channel.ts'
import { buildIamApi } from './iam-api.ts'
import type { Budget, Identities, ObjectStore } from './object-store.ts'
import { findOtherWriters } from './other-writers.ts'
import { buildProbe } from './probe.ts'
import { buildS3 } from './s3.ts'
import { buildWriteQueue, type WriteQueue } from './write-queue.ts'

/** One of the two identity APIs, and how to see whether it is as the settings say. */
interface IdentityApi {
  readonly identities: Identities
  check(clockAheadMs: number, signal: AbortSignal): Promise<void>
  /** Where identities can be written beside it, as far as it was found out by now. */
  otherWriters(): readonly string[]
}

/** Somebody may start a gateway at any time; nobody needs to hear of it at once. */
const OTHER_WRITERS_INTERVAL_MS = 5 * 60_000

/** The port on a real SeaweedFS: one write queue before both of its APIs. */
export function buildSeaweedFs(
  settings: StoreSettings,
  commonBucket: string,
  onWrite: (step: string, budget: Budget) => void
): ObjectStore {
  const queue = buildWriteQueue(onWrite)
  const endpoints = buildEndpointChecks(settings)
  const api = buildIdentityApi(settings, queue)
  // Once is enough to know that the setting is right. Later a read would wait behind the store's own lock
  // and take proven profiles, who need no identity read at all, down with it.
  let hasIdentityApiAnswered = false
  return {
    ...buildS3(settings, queue),
    ...api.identities,
    probe: buildProbe(settings),
    async checkReadiness({ signal }) {
      const { version: storeVersion, clockAheadMs } = await endpoints.checkS3(commonBucket, signal)
      if (!hasIdentityApiAnswered) await api.check(clockAheadMs, signal)
      hasIdentityApiAnswered = true
      return { storeVersion, otherWriters: api.otherWriters() }
    }
  }
}

function buildIdentityApi(settings: StoreSettings, queue: WriteQueue): IdentityApi {
  if (settings.filer !== undefined) return buildOnFiler(settings, queue)
  const { checkIam } = buildEndpointChecks(settings)
  return {
    identities: buildIamApi(settings, queue),
    check: (_clockAheadMs, signal) => checkIam(signal),
    // With this API HTTP is how identities are written, and who else does is not told by any answer.
    otherWriters: () => []
  }
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
