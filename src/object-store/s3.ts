import type { StoreSettings } from '../config.ts'
import type { PolicyDocument } from '../desired/access-policy.ts'
import { canonicalText } from '../desired/canonical.ts'
import type { LifecycleRule } from '../desired/lifecycle.ts'
import { StoreRejected, StoreUnavailable } from '../errors.ts'
import type { Budget, ObjectStore } from './object-store.ts'
import { standstillOf } from './removal.ts'
import { buildS3Http, type S3Request } from './s3-http.ts'
import type { buildS3Sdk } from './s3-sdk.ts'
import { nameOf, storeError } from './store-errors.ts'
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
  const send = buildS3Http(settings.s3Endpoint, settings.region)
  let loading: Promise<ReturnType<typeof buildS3Sdk>> | undefined
  const sdk = () => {
    loading ??= import('./s3-sdk.ts').then(({ buildS3Sdk }) => buildS3Sdk(settings))
    return loading
  }
  /** By hook call: what has not been written yet of a bucket that it made. */
  const created = new WeakMap<AbortSignal, Set<string>>()

  async function call<T>(step: string, budget: Budget, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw storeError(error, step, budget)
    }
  }

  /** The body of the answer; undefined when the store says that exactly this is absent. */
  async function ask(
    step: string,
    budget: Budget,
    request: S3Request,
    absence?: string
  ): Promise<string | undefined> {
    return call(step, budget, async () => {
      const { status, code, message, body } = await send(
        settings.credentials,
        request,
        budget.signal
      )
      if (status < 300) return body
      // A HEAD answer has no body, so there is no name to go by.
      const name = code || (status === 404 ? 'NotFound' : 'Unknown')
      if (name === absence) return undefined
      throw Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } })
    })
  }

  async function hasBucket(bucket: string, budget: Budget): Promise<boolean> {
    const step = `looking for bucket ${bucket}`
    const request = { method: 'HEAD', path: `/${bucket}` } as const
    return (await ask(step, budget, request, 'NotFound')) !== undefined
  }

  async function readPolicy(bucket: string, budget: Budget): Promise<PolicyDocument | undefined> {
    const step = `reading the policy of bucket ${bucket}`
    const request = { method: 'GET', path: `/${bucket}?policy` } as const
    const text = await ask(step, budget, request, 'NoSuchBucketPolicy')
    return call(step, budget, async () => (text ? JSON.parse(text) : undefined))
  }

  async function writePolicy(bucket: string, policy: PolicyDocument, budget: Budget) {
    const path = `/${bucket}?policy`
    const request: S3Request =
      policy.Statement.length > 0
        ? { method: 'PUT', path, body: JSON.stringify(policy) }
        : { method: 'DELETE', path }
    await ask(policyStep(bucket), budget, request)
  }

  /** Whether there are any is seen without the SDK, which then reads them. */
  async function readLifecycle(bucket: string, budget: Budget): Promise<LifecycleRule[]> {
    const step = `reading the lifecycle of bucket ${bucket}`
    const request = { method: 'GET', path: `/${bucket}?lifecycle` } as const
    const found = await ask(step, budget, request, 'NoSuchLifecycleConfiguration')
    if (!found?.includes('<Rule>')) return []
    return call(step, budget, async () => (await sdk()).readLifecycle(bucket, budget.signal))
  }

  async function writeLifecycle(bucket: string, rules: readonly LifecycleRule[], budget: Budget) {
    if (rules.length === 0) {
      const request = { method: 'DELETE', path: `/${bucket}?lifecycle` } as const
      return ask(lifecycleStep(bucket), budget, request)
    }
    return call(lifecycleStep(bucket), budget, async () =>
      (await sdk()).writeLifecycle(bucket, rules, budget.signal)
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
      const create = async () => {
        const request = { method: 'PUT', path: `/${bucket}` } as const
        const answer = await ask(step, budget, request, 'BucketAlreadyOwnedByYou')
        if (answer === undefined) return
        created.set(budget.signal, new Set([policyStep(bucket), lifecycleStep(bucket)]))
      }
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
      const removal = await call(step, budget, async () => {
        const contents = (await sdk()).contentsOf(bucket, budget.signal)
        return contents.remove(isOver).catch(noBucket)
      })
      if (removal === undefined) return { removed: 0, isEmpty: true }
      const { removed, isDone: isEmpty } = removal
      const reason = standstillOf(removal)
      if (reason === undefined) return { removed, isEmpty }
      throw new StoreRejected(`${step} for profile ${budget.namespace}`, reason)
    },

    async deleteBucket(bucket, budget) {
      const step = `deleting bucket ${bucket}`
      const refuseData = async () => {
        const holdsData = await call(`looking into bucket ${bucket}`, budget, async () => {
          const contents = (await sdk()).contentsOf(bucket, budget.signal)
          return contents.holdData().catch(noBucket)
        })
        const during = `${step} for profile ${budget.namespace}`
        if (holdsData) throw new StoreRejected(during, 'it is not empty')
      }
      if (!(await hasBucket(bucket, budget))) return
      await refuseData()
      await identityQueue(step, budget, async () => {
        // By default SeaweedFS deletes what is in a bucket with it, and a turn may be long in coming.
        await refuseData()
        await ask(step, budget, { method: 'DELETE', path: `/${bucket}` }, 'NoSuchBucket')
      })
    }
  }
}

function noBucket(error: unknown): undefined {
  if (nameOf(error) !== 'NoSuchBucket') throw error
}

/** No policy and a policy without statements mean the same. */
function meaningOf(document: unknown): string {
  const { Statement } = (document ?? {}) as Partial<PolicyDocument>
  return document === undefined || Statement?.length === 0 ? '' : canonicalText(document)
}
