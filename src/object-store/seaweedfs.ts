import type { StoreSettings } from '../config.ts'
import { buildEndpointChecks } from './endpoint-checks.ts'
import { buildIamApi } from './iam-api.ts'
import type { Budget, ObjectStore } from './object-store.ts'
import { buildProbe } from './probe.ts'
import { buildS3 } from './s3.ts'
import { buildWriteQueue } from './write-queue.ts'

/** The port on a real SeaweedFS: one write queue before both of its APIs. */
export function buildSeaweedFs(
  settings: StoreSettings,
  commonBucket: string,
  onWrite: (step: string, budget: Budget) => void
): ObjectStore {
  const queue = buildWriteQueue(onWrite)
  const endpoints = buildEndpointChecks(settings)
  // Once is enough to know that the setting is right. Later a read would wait behind the store's own lock
  // and take proven profiles, who need no identity read at all, down with it.
  let hasIamAnswered = false
  return {
    ...buildS3(settings, queue),
    ...buildIamApi(settings, queue),
    probe: buildProbe(settings),
    async checkReadiness({ signal }) {
      const { version: storeVersion } = await endpoints.checkS3(commonBucket, signal)
      if (!hasIamAnswered) await endpoints.checkIam(signal)
      hasIamAnswered = true
      return { storeVersion }
    }
  }
}
