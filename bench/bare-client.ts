import type { IdentityApi } from '../dev/seaweedfs.ts'
import { loadConfig } from '../src/config.ts'
import { ownBucketPolicy, ownBucketStatements } from '../src/desired/access-policy.ts'
import { mergedBucketPolicy } from '../src/desired/bucket-policy.ts'
import { accessKeyFor } from '../src/desired/credentials.ts'
import type { Budget } from '../src/object-store/object-store.ts'
import { buildSeaweedFs } from '../src/object-store/seaweedfs.ts'
import { ourEnvironment } from './hook-process.ts'
import { type StoreOptions, startStore } from './store.ts'

export interface Bare {
  readonly wallMs: number
  readonly storeCpuMs: number
}

/** As many as Metacontroller has workers. */
const AT_ONCE = 5
const PREFIX = 'profile-'

/**
 * What the store takes for so many profiles when somebody who asks and checks nothing makes the calls that change it:
 * bucket, its policy, user with key and one common policy, a probe each way. The CPU is the store's alone; the time is
 * with a client's, and with the turns in which identities are written.
 */
export async function bareClient(
  identityApi: IdentityApi,
  profiles: number,
  options: StoreOptions
): Promise<Bare> {
  const store = await startStore({ ...options, identityApi })
  try {
    const environment = { ...ourEnvironment(store), HOOK_AUTH: 'none' }
    const { store: settings, profile } = loadConfig(environment)
    const port = buildSeaweedFs(settings, profile.commonBucket, () => {})
    const policy = ownBucketPolicy(PREFIX)
    const budgetOf = (namespace: string): Budget => ({
      namespace,
      signal: new AbortController().signal
    })
    const policyName = await port.ensurePolicy(policy, budgetOf('everybody'))
    const onboard = async (user: string) => {
      const budget = budgetOf(user)
      const accessKey = accessKeyFor(profile.rootKey, user, 0)
      await port.ensureBucket(user, budget)
      const merge = () => mergedBucketPolicy(undefined, user, ownBucketStatements(user))
      await port.ensureBucketPolicy(user, merge, budget)
      await port.ensureIdentity(user, { policyName, accessKey }, undefined, budget)
      for (const bucket of [user, profile.commonBucket]) {
        await port.probe(accessKey, { bucket, key: 'private-artifacts/probe' }, budget)
      }
    }
    const before = store.usage().cpuMs
    const beganAt = performance.now()
    let next = 0
    const worker = async () => {
      while (next < profiles) await onboard(`${PREFIX}bare-${next++}-00000000`)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return { wallMs: performance.now() - beganAt, storeCpuMs: store.usage().cpuMs - before }
  } finally {
    await store.stop()
  }
}
