import { createHash } from 'node:crypto'
import type { ProfileSettings } from '../config.ts'
import { InvalidProfile } from '../errors.ts'
import { isNamespaceName, type Profile } from '../profile.ts'
import {
  commonBucketStatements,
  type ManagedPolicy,
  ownBucketPolicy,
  ownBucketStatements,
  ownPrefixPolicy,
  type Statement
} from './access-policy.ts'
import { type LifecycleRule, retentionRules } from './lifecycle.ts'

/** Everything that should exist for one profile, but its key. Holds no secret. */
export interface Plan {
  readonly namespace: string
  /** The IAM user, and in the per-profile layout the bucket too. */
  readonly user: string
  /** The user of this very incarnation, where the profile goes by the name of an earlier one instead. */
  readonly replacedUser: string | undefined
  /** Where the profile's data lives. */
  readonly bucket: string
  /** What all its object keys start with; KFP's UI authorises by it. */
  readonly keyPrefix: string
  readonly policy: ManagedPolicy
  /** Buckets that must exist, the own one last. */
  readonly buckets: readonly BucketPlan[]
  readonly probes: { readonly own: ObjectAddress; readonly foreign: ObjectAddress }
}

export interface BucketPlan {
  readonly name: string
  /** What we have to say about the bucket; undefined for a bucket that is not ours to configure. */
  readonly settings?: {
    readonly statements: readonly Statement[]
    readonly lifecycleRules: readonly LifecycleRule[]
  }
}

export interface ObjectAddress {
  readonly bucket: string
  readonly key: string
}

export const ADOPT_ANNOTATION = 'pipelines.kubeflow.org/adopt-bucket'
const MAX_NAME_LENGTH = 63
const HASH_LENGTH = 8
/** A key that nobody writes; a dot cannot start a namespace's name, so no profile owns its twin. */
const PROBE_KEY = '.s3-profile-controller/probe'

/** @throws InvalidProfile when no Kubernetes namespace can have the profile's name. */
export function planFor(profile: Profile, settings: ProfileSettings): Plan {
  const { namespace, incarnation } = profile
  if (!isNamespaceName(namespace)) {
    throw new InvalidProfile(
      `The profile's name must be an RFC 1123 label to be a namespace: ${JSON.stringify(namespace.slice(0, 80))}`
    )
  }
  const own = userNameFor(settings.namePrefix, namespace, incarnation)
  const user = adoptedName(profile, settings) ?? own
  const keyPrefix = `private-artifacts/${namespace}/`
  const replacedUser = user === own ? undefined : own
  const shared = { namespace, user, replacedUser, keyPrefix }
  return settings.layout === 'per-profile'
    ? { ...shared, ...ownBucketPlan(user, keyPrefix, settings) }
    : { ...shared, ...commonBucketPlan(user, keyPrefix, settings) }
}

/** Only a name of this very profile's: whoever had it is dead, because the profile's name is taken. */
function adoptedName(
  { namespace, adoptBucket }: Profile,
  { layout, namePrefix }: ProfileSettings
): string | undefined {
  if (adoptBucket === undefined) return undefined
  if (layout === 'shared') {
    throw new InvalidProfile(
      `Annotation ${ADOPT_ANNOTATION} needs BUCKET_LAYOUT=per-profile: in the shared layout profile ${namespace} finds its data again by its name`
    )
  }
  if (userPatternFor(namePrefix, namespace).test(adoptBucket)) return adoptBucket
  throw new InvalidProfile(
    `Annotation ${ADOPT_ANNOTATION} of profile ${namespace} must name a bucket of an earlier life of this very profile, ${userStemFor(namePrefix, namespace)}-<8 hexadecimal digits>, not ${JSON.stringify(adoptBucket.slice(0, 80))}`
  )
}

function ownBucketPlan(user: string, keyPrefix: string, settings: ProfileSettings) {
  return {
    bucket: user,
    policy: ownBucketPolicy(settings.namePrefix),
    buckets: [
      { name: settings.commonBucket },
      {
        name: user,
        settings: {
          statements: ownBucketStatements(user),
          lifecycleRules: retentionRules(settings.retention)
        }
      }
    ],
    probes: {
      own: { bucket: user, key: keyPrefix + PROBE_KEY },
      foreign: { bucket: settings.commonBucket, key: keyPrefix + PROBE_KEY }
    }
  }
}

function commonBucketPlan(user: string, keyPrefix: string, settings: ProfileSettings) {
  const bucket = settings.commonBucket
  return {
    bucket,
    policy: ownPrefixPolicy(user, bucket, keyPrefix),
    buckets: [
      {
        name: bucket,
        settings: {
          statements: commonBucketStatements(bucket, settings.namePrefix, settings.topLevelBrowse),
          lifecycleRules: retentionRules(settings.retention)
        }
      }
    ],
    probes: {
      own: { bucket, key: keyPrefix + PROBE_KEY },
      foreign: { bucket, key: `private-artifacts/${PROBE_KEY}` }
    }
  }
}

/** `profile-<namespace>-<8 of the incarnation's hash>`, at most 63 characters. */
function userNameFor(prefix: string, namespace: string, incarnation: string): string {
  return `${userStemFor(prefix, namespace)}-${hash(incarnation)}`
}

function userStemFor(prefix: string, namespace: string): string {
  const room = MAX_NAME_LENGTH - prefix.length - 1 - HASH_LENGTH
  return prefix + shortened(namespace, room)
}

/** Fits the users of every incarnation of the profile, and of no other profile. */
export function userPatternFor(prefix: string, namespace: string): RegExp {
  return new RegExp(`^${userStemFor(prefix, namespace)}-[0-9a-f]{${HASH_LENGTH}}$`)
}

/** The namespace in the name of a user of ours; `isShortened` when the name may not hold all of it. */
export function namespaceIn(
  prefix: string,
  user: string
): { readonly namespace: string; readonly isShortened: boolean } | undefined {
  const hash = `-[0-9a-f]{${HASH_LENGTH}}`
  const [, namespace] = new RegExp(`^${prefix}(.+)${hash}$`).exec(user) ?? []
  if (namespace === undefined || !isNamespaceName(namespace)) return undefined
  const isShortened = user.length === MAX_NAME_LENGTH && new RegExp(`${hash}$`).test(namespace)
  return { namespace, isShortened }
}

/** What the names of all lives of a profile have in common. */
export function stemOf(user: string): string {
  return user.slice(0, -1 - HASH_LENGTH)
}

function shortened(namespace: string, room: number): string {
  // A name that looks like a shortened one could be made to look like somebody else's.
  const looksShortened = namespace.length === room && /-[0-9a-f]{8}$/.test(namespace)
  if (namespace.length <= room && !looksShortened) return namespace
  return `${namespace.slice(0, room - 1 - HASH_LENGTH)}-${hash(namespace)}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH)
}
