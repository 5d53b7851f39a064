import type { S3Client } from '@aws-sdk/client-s3'
import type { Config } from '../config.ts'
import type { Identity } from '../desired/identity.ts'
import { livingFrom } from '../desired/living.ts'
import {
  findOrphans,
  goMost,
  type Orphan,
  type SuspectBucket,
  type SweepRules,
  suspectPoliciesAmong,
  suspectsAmong
} from '../desired/orphans.ts'
import { CommandFailed } from '../errors.ts'
import type { KubernetesObject } from '../hooks.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import { buildAdminClient } from './admin-client.ts'
import { contentsOf, type ListedBucket, listBuckets } from './buckets.ts'
import { stepBudget } from './step-budget.ts'

export interface SweepOptions {
  readonly deletesData: boolean
  /** Seconds since 1970. */
  readonly now: number
  /** Told what is going on, a line at a time. */
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/** What is left behind in the store, and what would become of it. */
export interface SweepPlan {
  readonly endpoint: string
  readonly layout: string
  readonly orphans: readonly Orphan[]
  /** Of what at least half would go. */
  readonly most: readonly ('users' | 'buckets')[]
  readonly rules: SweepRules
}

/** To read a user costs the store the more the more there are. */
const PROGRESS_EVERY = 100

/**
 * Looks for what nobody alive lays claim to. Writes nothing.
 * @throws CommandFailed when the question makes no sense here
 */
export async function planSweep(
  config: Config,
  store: ObjectStore,
  parents: readonly KubernetesObject[],
  { deletesData, now, onProgress, signal }: SweepOptions
): Promise<SweepPlan> {
  const { profile: settings } = config
  const { layout } = settings
  if (deletesData && layout === 'shared') {
    throw new CommandFailed(
      'With BUCKET_LAYOUT=shared no bucket is a profile’s own, so there is none for --data to delete'
    )
  }
  const living = livingFrom(parents, settings)
  const userNames = await store.listUsers(stepBudget('(sweep)', signal))
  const policyNames = await store.listPolicies(stepBudget('(sweep)', signal))
  const admin = buildAdminClient(config.store)
  const allBuckets =
    layout === 'shared' ? [] : await listBuckets(admin, stepBudget('(sweep)', signal))
  const bucketNames = allBuckets.map(({ name }) => name)
  onProgress(
    `The store has ${userNames.length} users, ${policyNames.length} policies and ${bucketNames.length} buckets`
  )

  const look = { onProgress, signal }
  const users = await readUsers(suspectsAmong(userNames, living, settings), store, look)
  const policies = suspectPoliciesAmong(policyNames, living, settings)
  const suspects = new Set(suspectsAmong(bucketNames, living, settings))
  const buckets = await lookInto(
    allBuckets.filter(({ name }) => suspects.has(name)),
    admin,
    look
  )

  const rules = { living, settings, deletesData, now }
  const orphans = findOrphans({ users, policies, buckets }, rules)
  const livingAmong = (names: readonly string[]) =>
    names.filter((name) => living.names.has(name)).length
  const most = [
    ...(goMost(orphans, 'user', livingAmong(userNames)) ? ['users' as const] : []),
    ...(goMost(orphans, 'bucket', livingAmong(bucketNames)) ? ['buckets' as const] : [])
  ]
  return { endpoint: config.store.s3Endpoint, layout, orphans, most, rules }
}

type Look = Pick<SweepOptions, 'onProgress' | 'signal'>

async function readUsers(
  names: readonly string[],
  store: ObjectStore,
  { onProgress, signal }: Look
): Promise<ReadonlyMap<string, Identity>> {
  const users = new Map<string, Identity>()
  for (const [index, name] of names.entries()) {
    tellProgress(index, names.length, 'users', onProgress)
    const identity = await store.readIdentity(name, stepBudget('(sweep)', signal))
    if (identity !== undefined) users.set(name, identity)
  }
  return users
}

async function lookInto(
  buckets: readonly ListedBucket[],
  admin: S3Client,
  { onProgress, signal }: Look
): Promise<SuspectBucket[]> {
  const looked: SuspectBucket[] = []
  for (const [index, bucket] of buckets.entries()) {
    tellProgress(index, buckets.length, 'buckets', onProgress)
    const { contents } = await contentsOf(admin, bucket.name, stepBudget('(sweep)', signal))
    looked.push({ ...bucket, contents })
  }
  return looked
}

function tellProgress(done: number, of: number, what: string, tell: (line: string) => void) {
  if (done > 0 && done % PROGRESS_EVERY === 0) tell(`  looked at ${done} of ${of} ${what}`)
}
