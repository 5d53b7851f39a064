import {
  GetBucketLifecycleConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  S3Client,
  type LifecycleRule as SdkLifecycleRule
} from '@aws-sdk/client-s3'
import type { StoreSettings } from '../config.ts'
import type { LifecycleRule } from '../desired/lifecycle.ts'
import { BucketContents } from './bucket-contents.ts'
import { nameOf } from './store-errors.ts'

/**
 * What needs S3's XML. Loaded when it is first asked for: profiles that keep their artifacts never do, and the SDK is
 * half of what a start takes.
 */
export function buildS3Sdk({ s3Endpoint, region, credentials }: StoreSettings) {
  const client = new S3Client({
    endpoint: s3Endpoint,
    region,
    credentials: { ...credentials },
    forcePathStyle: true,
    maxAttempts: 2
  })

  return {
    contentsOf: (bucket: string, abortSignal: AbortSignal) =>
      new BucketContents(client, bucket, { abortSignal }),

    async readLifecycle(Bucket: string, abortSignal: AbortSignal): Promise<LifecycleRule[]> {
      const command = new GetBucketLifecycleConfigurationCommand({ Bucket })
      try {
        return (await client.send(command, { abortSignal })).Rules ?? []
      } catch (error) {
        // They were there a moment ago.
        if (nameOf(error) === 'NoSuchLifecycleConfiguration') return []
        throw error
      }
    },

    async writeLifecycle(
      Bucket: string,
      rules: readonly LifecycleRule[],
      abortSignal: AbortSignal
    ): Promise<void> {
      const LifecycleConfiguration = { Rules: rules as SdkLifecycleRule[] }
      const command = new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration })
      await client.send(command, { abortSignal })
    }
  }
}
