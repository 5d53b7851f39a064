import type { ProfileSettings } from '../config.ts'
import type { Living } from './living.ts'
import { namespaceIn, stemOf } from './plan.ts'

/** A bucket with a name of ours, and what is known of the objects in it. */
export interface FilledBucket {
  readonly name: string
  /** Seconds since 1970; undefined when the store does not say. */
  readonly createdAt: number | undefined
  readonly isEmpty: boolean
  /** For people. */
  readonly contents: string
}

/** A bucket that no profile uses, and the profile that may have it back. */
export interface Adoption {
  readonly namespace: string
  readonly bucket: string
  readonly contents: string
  /** What speaks against it; undefined when nothing does. */
  readonly doubt: string | undefined
}

/**
 * Which profile may have which bucket back: of several the latest with data in it. By profile, the latest life
 * first.
 * @param living undefined when nobody said who lives
 */
export function adoptionsFrom(
  buckets: readonly FilledBucket[],
  living: Living | undefined,
  settings: ProfileSettings
): Adoption[] {
  const isInUse = ({ name }: FilledBucket) => living?.names.has(name) === true
  const kept = buckets
    .filter((bucket) => !isInUse(bucket))
    .sort((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0) || a.name.localeCompare(b.name, 'en'))
  const inUse = buckets.filter((bucket) => isInUse(bucket) && !bucket.isEmpty)
  const stems = [...new Set(kept.map(({ name }) => stemOf(name)))].sort()
  return stems.flatMap((stem) => {
    const ofStem = ({ name }: FilledBucket) => stemOf(name) === stem
    return adoptionsOf(stem, kept.filter(ofStem), inUse.find(ofStem), living, settings)
  })
}

/** Buckets that are worth a look: those that nobody uses, and what the same profiles use instead. */
export function adoptableAmong(
  names: readonly string[],
  living: Living | undefined,
  { namePrefix, commonBucket }: ProfileSettings
): string[] {
  const ours = names.filter(
    (name) => name !== commonBucket && namespaceIn(namePrefix, name) !== undefined
  )
  const kept = new Set(ours.filter((name) => !living?.names.has(name)).map(stemOf))
  return ours.filter((name) => kept.has(stemOf(name)))
}

function adoptionsOf(
  stem: string,
  kept: readonly FilledBucket[],
  inUse: FilledBucket | undefined,
  living: Living | undefined,
  { namePrefix }: ProfileSettings
): Adoption[] {
  const latest = kept.find(({ isEmpty }) => !isEmpty)
  return kept.map(({ name, isEmpty, contents }) => {
    const { namespace, isShortened } = namespaceIn(namePrefix, name) as NonNullable<
      ReturnType<typeof namespaceIn>
    >
    const known = living?.namespaces.get(stem)
    const doubts = [
      living === undefined && isShortened && 'the whole name of its profile is not known',
      living !== undefined && known === undefined && 'there is no such profile',
      inUse !== undefined && `the profile has data in ${inUse.name}: ${inUse.contents}`,
      isEmpty && 'nothing to have back',
      name !== latest?.name && `${latest?.name} is of a later life`
    ]
    const doubt = doubts.find((one) => one !== false)
    return { namespace: known ?? namespace, bucket: name, contents, doubt }
  })
}
