import type { FilerSettings, StoreSettings } from '../config.ts'
import type { Metrics, WrittenHalf } from '../metrics.ts'
import { buildAdmission } from './admission.ts'
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

/**
 * Over HTTP every write rewrites the whole set of identities, so two writers at once lose users. The filer writes
 * one user at a time, and two writers of different users lose nothing.
 */
const IDENTITY_WRITERS = { iam: 1, filer: 8 }
/** Buckets have nothing in common; what is written of one is written in turn. */
const BUCKET_WRITERS = 8

type QueueMetrics = Pick<Metrics, 'queueLength' | 'writeWaited'>

const UNMEASURED: QueueMetrics = { queueLength() {}, writeWaited() {} }

/** The port on a real SeaweedFS: a write queue before each of its APIs. */
export function buildSeaweedFs(
  settings: StoreSettings,
  commonBucket: string,
  onWrite: (step: string, budget: Budget) => void,
  metrics = UNMEASURED
): ObjectStore {
  const identityWriters = IDENTITY_WRITERS[settings.filer === undefined ? 'iam' : 'filer']
  const { admit, writeEnded } = buildAdmission(identityWriters)
  const measured = (queue: WrittenHalf) => ({
    queueLength: (length: number) => metrics.queueLength(queue, length),
    writeWaited: (milliseconds: number) => metrics.writeWaited(queue, milliseconds / 1000)
  })
  const identityQueue = buildWriteQueue(onWrite, identityWriters, {
    ...measured('identity'),
    writeEnded
  })
  const bucketQueue = buildWriteQueue(onWrite, BUCKET_WRITERS, {
    ...measured('bucket'),
    writeEnded() {}
  })
  const endpoints = buildEndpointChecks(settings)
  const api = buildIdentityApi(settings, identityQueue)
  // Once is enough to know that the setting is right. Later a read would wait behind the store's own lock
  // and take proven profiles, who need no identity read at all, down with it.
  let hasIdentityApiAnswered = false
  return {
    ...buildS3(settings, bucketQueue, identityQueue),
    ...api.identities,
    admit,
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
