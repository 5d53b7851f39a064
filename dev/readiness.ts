import { setTimeout as pause } from 'node:timers/promises'
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client
} from '@aws-sdk/client-s3'
import type { SeaweedFs } from './seaweedfs.ts'

const TIMEOUT_MS = 90_000
const PROGRESS_EVERY_MS = 5_000
const OBJECT = { Bucket: 'seaweedfs-readiness', Key: 'ready' }

/**
 * SeaweedFS's health endpoints are static, so it serves when an object written inside can be read through
 * the gateway, and its standalone IAM server, if there is one, answers anything. Leaves nothing behind. Stops
 * asking when the signal is aborted.
 */
export async function waitUntilServing(
  {
    internalS3Endpoint,
    s3Endpoint,
    standaloneIamEndpoint,
    admin
  }: Pick<SeaweedFs, 'internalS3Endpoint' | 's3Endpoint' | 'standaloneIamEndpoint' | 'admin'>,
  onProgress: (line: string) => void,
  signal: AbortSignal
): Promise<void> {
  const shared = {
    region: 'us-east-1',
    credentials: { ...admin },
    forcePathStyle: true,
    maxAttempts: 1
  }
  const inside = new S3Client({ ...shared, endpoint: internalS3Endpoint })
  const gateway = new S3Client({ ...shared, endpoint: s3Endpoint })
  const startedAt = performance.now()
  let saidAt = startedAt
  for (;;) {
    try {
      if (standaloneIamEndpoint !== undefined) {
        await (await fetch(standaloneIamEndpoint, { signal })).body?.cancel()
      }
      await inside.send(new CreateBucketCommand({ Bucket: OBJECT.Bucket })).catch(ignoreExisting)
      await inside.send(new PutObjectCommand({ ...OBJECT, Body: 'ready' }))
      const answer = await gateway.send(new GetObjectCommand(OBJECT))
      if ((await answer.Body?.transformToString()) !== 'ready') throw new Error('an empty object')
      await inside.send(new DeleteObjectCommand(OBJECT))
      await inside.send(new DeleteBucketCommand({ Bucket: OBJECT.Bucket }))
      return
    } catch (error) {
      signal.throwIfAborted()
      const now = performance.now()
      if (now - startedAt > TIMEOUT_MS) {
        throw new Error(`SeaweedFS does not serve after ${TIMEOUT_MS / 1000} s`, { cause: error })
      }
      if (now - saidAt > PROGRESS_EVERY_MS) {
        onProgress(`waiting for SeaweedFS (${Math.round((now - startedAt) / 1000)} s)`)
        saidAt = now
      }
      await pause(200)
    }
  }
}

function ignoreExisting(error: Error): void {
  if (error.name !== 'BucketAlreadyOwnedByYou' && error.name !== 'BucketAlreadyExists') throw error
}
