import { createHash } from 'node:crypto'
import type { ProfileSettings } from '../config.ts'
import { InvalidProfile } from '../errors.ts'
import type { Profile } from '../profile.ts'
import type { Standing } from './credentials.ts'
import type { Plan } from './plan.ts'

type RotationSettings = Pick<ProfileSettings, 'rotationSeconds' | 'graceSeconds'>

/** What is asked of a profile's key at this moment; all times in seconds since 1970. */
export interface Rotation {
  /** The key must not be older than this. */
  readonly epoch: number
  /** The same, leaving age out. */
  readonly demandedEpoch: number
  /** Keys older than the profile itself belong to an earlier life of a name that it adopted. */
  readonly bornAt: number
  /** Keys older than this get no grace. */
  readonly revokedBefore: number
  /** When the next one will be asked for; undefined when nothing is planned. */
  readonly nextAt: number | undefined
}

/** A key of a profile's user, as the store has it. */
export interface StoredKey {
  readonly accessKeyId: string
  readonly isActive: boolean
  /** Undefined when it is not one of ours. */
  readonly standing: Standing | undefined
}
type OurKey = StoredKey & { readonly standing: Standing }

/** What becomes of the other keys now, and when to look again. */
export interface Retirement {
  readonly disable: readonly string[]
  readonly remove: readonly string[]
  /** Seconds since 1970; undefined when none is left to wait for. */
  readonly dueAt: number | undefined
  /** Until when one of them keeps working; undefined when none does. */
  readonly keptUntil: number | undefined
}

export const ROTATE_ANNOTATION = 'pipelines.kubeflow.org/rotate-credentials-at'
export const REVOKE_ANNOTATION = 'pipelines.kubeflow.org/revoke-credentials-before'

/**
 * The latest of what the two annotations and the age ask for. What lies in the future is not asked yet. Age
 * asks for nothing while the profile is settling: that would cut the grace of the last rotation short.
 * @throws InvalidProfile that names a malformed annotation
 */
export function rotationFor(
  { rotateAt, revokeBefore, createdAt }: Pick<Profile, 'rotateAt' | 'revokeBefore' | 'createdAt'>,
  { user, replacedUser }: Pick<Plan, 'user' | 'replacedUser'>,
  { rotationSeconds }: RotationSettings,
  isSettling: boolean,
  now: number
): Rotation {
  const revoked = annotatedTime(REVOKE_ANNOTATION, revokeBefore)
  const annotated = [annotatedTime(ROTATE_ANNOTATION, rotateAt), revoked]
  const byAge = rotationSeconds > 0 && !isSettling ? boundaries(user, rotationSeconds, now) : []
  const future = [...annotated, ...byAge].filter((time) => time > now)
  const bornAt = replacedUser === undefined ? 0 : (secondsIn(createdAt ?? '') ?? 0)
  const demandedEpoch = Math.max(bornAt, ...annotated.filter((time) => time <= now))
  return {
    epoch: Math.max(demandedEpoch, ...byAge.filter((time) => time <= now)),
    demandedEpoch,
    bornAt,
    revokedBefore: revoked <= now ? revoked : 0,
    nextAt: future.length > 0 ? Math.min(...future) : undefined
  }
}

/** Undefined when none is known. */
export function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined)
  return known.length > 0 ? Math.min(...known) : undefined
}

/** Of the keys that are ours. */
export function newestOf(keys: readonly StoredKey[]): OurKey | undefined {
  const ours = keys.filter((key): key is OurKey => key.standing !== undefined)
  const [newest] = ours.sort((a, b) => b.standing.rank - a.standing.rank)
  return newest
}

/**
 * Of the other keys the newest of ours keeps working until the grace is over, unless it was revoked; all the
 * rest goes at once. A key is disabled first and removed at the next look, so that a mistake can be undone.
 */
export function retirementFor(
  others: readonly StoredKey[],
  issuedAt: number,
  { revokedBefore, bornAt }: Rotation,
  { graceSeconds }: RotationSettings,
  now: number
): Retirement {
  const newest = newestOf(others)
  const graceEnd = issuedAt + graceSeconds
  const oldestKept = Math.max(revokedBefore, bornAt)
  const isKept = newest?.isActive && now < graceEnd && newest.standing.epoch >= oldestKept
  const keptUntil = isKept ? graceEnd : undefined
  const going = isKept ? others.filter((key) => key !== newest) : others
  const disable = going.filter(({ isActive }) => isActive).map(({ accessKeyId }) => accessKeyId)
  const remove = going.filter(({ isActive }) => !isActive).map(({ accessKeyId }) => accessKeyId)
  return { disable, remove, dueAt: disable.length > 0 ? now : keptUntil, keptUntil }
}

/**
 * When the key of a Secret was issued. Whoever may edit the Secret may write anything there, so a time too
 * far off counts as now; one that is a little ahead comes from a replica whose clock is, or from a clock that
 * has jumped back, and must not cost the key before its grace.
 *
 * @param epoch of the key, which was not issued before it
 */
export function issuedAtFrom(
  text: string | undefined,
  epoch: number,
  { graceSeconds }: RotationSettings,
  now: number
): number {
  const seconds = secondsIn(text ?? '') ?? now
  return seconds <= Math.max(now, epoch) + graceSeconds ? seconds : now
}

/** Each profile has boundaries of its own, so that not all of them rotate in the same minute. */
function boundaries(user: string, interval: number, now: number): [last: number, next: number] {
  const offset = createHash('sha256').update(user).digest().readUInt32BE() % interval
  const last = Math.floor((now - offset) / interval) * interval + offset
  return [last, last + interval]
}

/** Zero when there is no such annotation. */
function annotatedTime(annotation: string, text: string | undefined): number {
  if (text === undefined) return 0
  const seconds = secondsIn(text)
  if (seconds !== undefined) return seconds
  throw new InvalidProfile(
    `Annotation ${annotation} must be a time such as 2026-01-31T12:00:00Z, not ${JSON.stringify(text.slice(0, 80))}`
  )
}

/** An RFC 3339 time in seconds since 1970, or undefined. */
function secondsIn(text: string): number | undefined {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(text)
  const seconds = isTime ? Math.floor(Date.parse(text) / 1000) : Number.NaN
  return seconds >= 0 ? seconds : undefined
}
