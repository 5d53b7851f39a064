import type { Config } from '../config.ts'
import {
  type Adoption,
  adoptableAmong,
  adoptionsFrom,
  type FilledBucket
} from '../desired/adoption.ts'
import { livingFrom } from '../desired/living.ts'
import { CommandFailed } from '../errors.ts'
import type { KubernetesObject } from '../hooks.ts'
import { buildAdminClient } from './admin-client.ts'
import { contentsOf, listBuckets } from './buckets.ts'
import { stepBudget } from './step-budget.ts'

/**
 * Which profiles may have which buckets of the store back. Writes nothing.
 * @param parents undefined when nobody said who lives
 * @throws CommandFailed when the question makes no sense here
 */
export async function planAdoption(
  { store: settings, profile }: Config,
  parents: readonly KubernetesObject[] | undefined,
  signal: AbortSignal
): Promise<Adoption[]> {
  if (profile.layout === 'shared') {
    throw new CommandFailed(
      'With BUCKET_LAYOUT=shared there is nothing to adopt: a profile finds its data under its name'
    )
  }
  const living = parents && livingFrom(parents, profile)
  const lookup = () => stepBudget('(adopt)', signal)
  const admin = buildAdminClient(settings)
  const listed = await listBuckets(admin, lookup())
  const names = listed.map(({ name }) => name)
  const adoptable = new Set(adoptableAmong(names, living, profile))
  const buckets: FilledBucket[] = []
  for (const bucket of listed.filter(({ name }) => adoptable.has(name))) {
    buckets.push({ ...bucket, ...(await contentsOf(admin, bucket.name, lookup())) })
  }
  return adoptionsFrom(buckets, living, profile)
}
