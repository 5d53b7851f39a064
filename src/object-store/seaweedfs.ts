import type { StoreSettings } from '../config.ts'
import type { Metrics, WrittenHalf } from '../metrics.ts'
import { buildAdmission } from './admission.ts'
import { buildS3Check } from './endpoint-checks.ts'
import { buildIdentityApi } from './identity-api.ts'
import type { Budget, ObjectStore } from './object-store.ts'
import { buildProbe } from './probe.ts'
import { buildS3 } from './s3.ts'
import { buildWriteQueue } from './write-queue.ts'

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
  const checkS3 = buildS3Check(settings)
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
      const { version: storeVersion, clockAheadMs } = await checkS3(commonBucket, signal)
      if (!hasIdentityApiAnswered) await api.check(clockAheadMs, signal)
      hasIdentityApiAnswered = true
      return { storeVersion, otherWriters: api.otherWriters() }
    }
  }
}
