import { S3Client } from '@aws-sdk/client-s3'
import type { StoreSettings } from '../config.ts'

const TIMEOUT_MS = 15_000

/** The store's admin on the gateway that profiles use, for looks and marks that no hook call needs. */
export function buildAdminClient({ s3Endpoint, region, credentials }: StoreSettings): S3Client {
  return new S3Client({
    endpoint: s3Endpoint,
    region,
    credentials: { ...credentials },
    forcePathStyle: true,
    maxAttempts: 2,
    requestHandler: {
      connectionTimeout: TIMEOUT_MS,
      requestTimeout: TIMEOUT_MS,
      throwOnRequestTimeout: true
    }
  })
}
