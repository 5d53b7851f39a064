import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketPolicyCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  HeadBucketCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  S3Client,
  type LifecycleRule as SdkLifecycleRule
} from '@aws-sdk/client-s3'
import type { StoreSettings } from '../config.ts'
import type { PolicyDocument } from '../desired/access-policy.ts'
import { canonicalText } from '../desired/canonical.ts'
import type { LifecycleRule } from '../desired/lifecycle.ts'
import { StoreRejected, StoreUnavailable } from '../errors.ts'
import { BucketContents, standstillOf } from './bucket-contents.ts'
import type { Budget, ObjectStore } from './object-store.ts'
import { nameOf, statusOf, storeError } from './store-errors.ts'
import type { WriteQueue } from './write-queue.ts'

const policyStep = (bucket: string) => `writing the policy of bucket ${bucket}`
const lifecycleStep = (bucket: string) => `writing the lifecycle of bucket ${bucket}`

type Buckets = Pick<
  ObjectStore,
  | 'hasBucket'
  | 'ensureBucket'
  | 'ensureBucketPolicy'
  | 'ensureLifecycle'
  | 'emptyBucket'
  | 'deleteBucket'
>

/**
 * The bucket half of the port, on the S3 gateway. Deleting a bucket may take rights from users, so it waits its
 * turn among the writes of identities.
 */
export function buildS3(
  settings: StoreSettings,
  queue: WriteQueue,
  identityQueue = queue
): Buckets {
  const client = new S3Client({
    endpoint: settings.s3Endpoint,
    region: settings.region,
    credentials: { ...settings.credentials },
    forcePathStyle: true,
    maxAttempts: 2
  })
  /** By hook call: what has not been written yet of a bucket that it made. */
  const created = new WeakMap<AbortSignal, Set<string>>()

  async function call<T>(
    step: string,
    budget: Budget,
    send: (options: { abortSignal: AbortSignal }) => Promise<T>
  ): Promise<T> {
    try {
      return await send({ abortSignal: budget.signal })
    } catch (error) {
      throw storeError(error, step, budget)
    }
  }

  /** Undefined when the store says that exactly this is absent; any other failure is thrown. */
  async function unless<T>(absence: string, send: Promise<T>): Promise<T | undefined> {
    return send.catch((error) => {
      if (nameOf(error) === absence) return undefined
      throw error
    })
  }

  async function hasBucket(bucket: string, budget: Budget): Promise<boolean> {
    return call(`looking for bucket ${bucket}`, budget, async (options) => {
      try {
        await client.send(new HeadBucketCommand({ Bucket: bucket }), options)
        return true
      } catch (error) {
        // A HEAD answer has no body, so there is no name to go by.
        if (statusOf(error) === 404) return false
        throw error
      }
    })
  }

  async function readPolicy(bucket: string, budget: Budget): Promise<PolicyDocument | undefined> {
    return call(`reading the policy of bucket ${bucket}`, budget, async (options) => {
      const command = new GetBucketPolicyCommand({ Bucket: bucket })
      const answer = await unless('NoSuchBucketPolicy', client.send(command, options))
      return answer?.Policy ? JSON.parse(answer.Policy) : undefined
    })
  }

  async function writePolicy(bucket: string, policy: PolicyDocument, budget: Budget) {
    await call(policyStep(bucket), budget, (options) =>
      policy.Statement.length > 0
        ? client.send(
            new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(policy) }),
            options
          )
        : client.send(new DeleteBucketPolicyCommand({ Bucket: bucket }), options)
    )
  }

  async function readLifecycle(bucket: string, budget: Budget): Promise<LifecycleRule[]> {
    return call(`reading the lifecycle of bucket ${bucket}`, budget, async (options) => {
      const command = new GetBucketLifecycleConfigurationCommand({ Bucket: bucket })
      const answer = await unless('NoSuchLifecycleConfiguration', client.send(command, options))
      return answer?.Rules ?? []
    })
  }

  async function writeLifecycle(bucket: string, rules: readonly LifecycleRule[], budget: Budget) {
    await call(lifecycleStep(bucket), budget, (options) =>
      rules.length > 0
        ? client.send(
            new PutBucketLifecycleConfigurationCommand({
              Bucket: bucket,
              LifecycleConfiguration: { Rules: rules as SdkLifecycleRule[] }
            }),
            options
          )
        : client.send(new DeleteBucketLifecycleCommand({ Bucket: bucket }), options)
    )
  }

  /**
   * A bucket's documents are shared with others, so they are merged in turn and looked at afterwards. One that we
   * have just made has none, and is nobody's but ours.
   */
  async function ensureDocument<Live, Desired extends Live>(
    bucket: string,
    step: string,
    absent: Live,
    read: () => Promise<Live>,
    merge: (live: Live) => Desired,
    write: (desired: Desired) => Promise<unknown>,
    budget: Budget
  ): Promise<'unchanged' | { replaced: Live }> {
    const missingIn = (live: Live) => {
      const desired = merge(live)
      return meaningOf(live) === meaningOf(desired) ? undefined : { live, desired }
    }
    if (created.get(budget.signal)?.delete(step)) {
      const first = missingIn(absent)
      if (first === undefined) return 'unchanged'
      await queue(step, budget, () => write(first.desired), bucket)
      return { replaced: absent }
    }
    const missing = async () => missingIn(await read())
    if ((await missing()) === undefined) return 'unchanged'
    const written = await queue(
      step,
      budget,
      async () => {
        const found = await missing()
        if (found !== undefined) await write(found.desired)
        return found
      },
      bucket
    )
    if ((await missing()) === undefined) {
      return written === undefined ? 'unchanged' : { replaced: written.live }
    }
    const during = `${step} for profile ${budget.namespace}`
    throw new StoreUnavailable(during, 'somebody else changed it at the same time')
  }

  return {
    hasBucket,

    async ensureBucket(bucket, budget) {
      if (await hasBucket(bucket, budget)) return
      const step = `creating bucket ${bucket}`
      const create = () =>
        call(step, budget, async (options) => {
          const command = new CreateBucketCommand({ Bucket: bucket })
          const answer = await unless('BucketAlreadyOwnedByYou', client.send(command, options))
          if (answer === undefined) return
          created.set(budget.signal, new Set([policyStep(bucket), lifecycleStep(bucket)]))
        })
      await queue(step, budget, create, bucket)
    },

    async ensureBucketPolicy(bucket, merge, budget) {
      return ensureDocument(
        bucket,
        policyStep(bucket),
        undefined,
        () => readPolicy(bucket, budget),
        merge,
        (desired) => writePolicy(bucket, desired, budget),
        budget
      )
    },

    async ensureLifecycle(bucket, merge, budget) {
      await ensureDocument(
        bucket,
        lifecycleStep(bucket),
        [],
        () => readLifecycle(bucket, budget),
        merge,
        (desired) => writeLifecycle(bucket, desired, budget),
        budget
      )
    },

    async emptyBucket(bucket, patienceMs, budget) {
      const deadline = performance.now() + patienceMs
      const isOver = () => performance.now() >= deadline
      const step = `emptying bucket ${bucket}`
      const removal = await call(step, budget, (options) =>
        unless('NoSuchBucket', new BucketContents(client, bucket, options).remove(isOver))
      )
      if (removal === undefined) return { removed: 0, isEmpty: true }
      const { removed, isDone: isEmpty } = removal
      const reason = standstillOf(removal)
      if (reason === undefined) return { removed, isEmpty }
      throw new StoreRejected(`${step} for profile ${budget.namespace}`, reason)
    },

    async deleteBucket(bucket, budget) {
      const step = `deleting bucket ${bucket}`
      const refuseData = async () => {
        const holdsData = await call(`looking into bucket ${bucket}`, budget, (options) =>
          unless('NoSuchBucket', new BucketContents(client, bucket, options).holdData())
        )
        const during = `${step} for profile ${budget.namespace}`
        if (holdsData) throw new StoreRejected(during, 'it is not empty')
      }
      if (!(await hasBucket(bucket, budget))) return
      await refuseData()
      await identityQueue(step, budget, async () => {
        // By default SeaweedFS deletes what is in a bucket with it, and a turn may be long in coming.
        await refuseData()
        await call(step, budget, (options) =>
          unless('NoSuchBucket', client.send(new DeleteBucketCommand({ Bucket: bucket }), options))
        )
      })
    }
  }
}

/** No policy and a policy without statements mean the same. */
function meaningOf(document: unknown): string {
  const { Statement } = (document ?? {}) as Partial<PolicyDocument>
  return document === undefined || Statement?.length === 0 ? '' : canonicalText(document)
}
