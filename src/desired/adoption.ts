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

/** With what its name says: whose it is, and what the names of all lives of that profile start with. */
interface OurBucket extends FilledBucket, NonNullable<ReturnType<typeof namespaceIn>> {
  readonly stem: string
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
  const ours = buckets.flatMap((bucket) => {
    const named = namespaceIn(settings.namePrefix, bucket.name)
    return named === undefined ? [] : [{ ...bucket, ...named, stem: stemOf(bucket.name) }]
  })
  const birthOf = ({ createdAt = 0 }: OurBucket) => createdAt
  const isInUse = ({ name }: OurBucket) => living?.names.has(name) === true
  const kept = ours
    .filter((bucket) => !isInUse(bucket))
    .sort((a, b) => birthOf(b) - birthOf(a) || a.name.localeCompare(b.name, 'en'))
  const inUse = ours.filter((bucket) => isInUse(bucket) && !bucket.isEmpty)
  const byStem = [...Map.groupBy(kept, ({ stem }) => stem)].sort(([a], [b]) =>
    a.localeCompare(b, 'en')
  )
  return byStem.flatMap(([stem, alike]) =>
    adoptionsOf(
      alike,
      inUse.find((bucket) => bucket.stem === stem),
      living
    )
  )
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

/** @param kept all that one profile left, the latest life first */
function adoptionsOf(
  kept: readonly OurBucket[],
  inUse: OurBucket | undefined,
  living: Living | undefined
): Adoption[] {
  const latest = kept.find(({ isEmpty }) => !isEmpty)
  return kept.map(({ name, stem, namespace, isShortened, isEmpty, contents }) => {
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
