import type { ProfileSettings } from '../config.ts'
import { ownBucketPolicy } from './access-policy.ts'
import { holdsKeyOfOurs, type Identity } from './identity.ts'
import type { Living } from './living.ts'
import { namespaceIn, stemOf } from './plan.ts'
import { isOwnBucketPolicy, namesFor, stemOfPolicy } from './policy-name.ts'

/** What the store has under names of our pattern that no living parent could be using. */
export interface Suspects {
  readonly users: ReadonlyMap<string, Identity>
  readonly policies: readonly string[]
  readonly buckets: readonly SuspectBucket[]
}

export interface SuspectBucket {
  readonly name: string
  /** Seconds since 1970; undefined when the store does not say. */
  readonly createdAt: number | undefined
  /** What is known of the objects in it, for people. */
  readonly contents: string
}

/**
 * What becomes of something that nobody lays claim to.
 *
 * - `disable`: now; what is disabled can be enabled again, and the next run deletes it
 * - `delete`: now
 * - `wait`: for a later run
 * - `keep`: data, which nobody asked to delete
 * - `report`: nothing, because it may not be ours
 */
export type Step = 'disable' | 'delete' | 'wait' | 'keep' | 'report'

export interface Orphan {
  readonly kind: 'user' | 'policy' | 'bucket'
  readonly name: string
  /** Whose it was, as its name says; undefined of what serves all. */
  readonly namespace: string | undefined
  /** Whether a later life of the same profile is among the living. */
  readonly livesAgain: boolean
  readonly step: Step
  readonly why: string
}

export interface SweepRules {
  readonly living: Living
  readonly settings: ProfileSettings
  readonly deletesData: boolean
  /** Seconds since 1970. */
  readonly now: number
}

/** The list of the living may be that old: a younger bucket may belong to somebody who is not on it. */
const YOUNG_SECONDS = 86_400
const STRANGERS = 'users beside it may not be ours'
const KINDS = ['user', 'policy', 'bucket'] as const

/** Of the names of users, or of buckets, those of our pattern that belong to nobody alive. */
export function suspectsAmong(
  names: readonly string[],
  living: Living,
  { namePrefix, commonBucket }: ProfileSettings
): string[] {
  return names.filter(
    (name) =>
      namespaceIn(namePrefix, name) !== undefined &&
      name !== commonBucket &&
      !living.names.has(name)
  )
}

/** Policies of such users alone, and earlier versions of the one that serves all profiles. */
export function suspectPoliciesAmong(
  names: readonly string[],
  living: Living,
  settings: ProfileSettings
): string[] {
  const { namePrefix } = settings
  const current = namesFor(ownBucketPolicy(namePrefix).name)
  return names.filter((name) =>
    isOwnBucketPolicy(namePrefix, name)
      ? !current.includes(name)
      : suspectsAmong([stemOfPolicy(name) ?? ''], living, settings).length > 0
  )
}

/** By namespace, and in it in the order in which it has to go. */
export function findOrphans({ users, policies, buckets }: Suspects, rules: SweepRules): Orphan[] {
  const ofUsers = [...users].map(([name, identity]) => orphanedUser(name, identity, rules))
  const steps = new Map(ofUsers.map(({ name, step }) => [name, step]))
  // Another root key's: of a second installation with our prefix, or left when the root key was changed.
  const hasStrangers = [...users].some(
    ([name, live]) => live.accessKeys.length > 0 && !holdsKeyOfOurs(name, live, rules.settings)
  )
  const orphans = [
    ...ofUsers,
    ...policies.map((name) => orphanedPolicy(name, steps, hasStrangers, rules)),
    ...buckets.map((bucket) => orphanedBucket(bucket, steps, hasStrangers, rules))
  ]
  const orderOf = ({ namespace = '', kind, name }: Orphan) =>
    `${namespace} ${KINDS.indexOf(kind)} ${name}`
  return orphans.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1))
}

/** Whether this run is to do something about it. */
export function isDue({ step }: Orphan): boolean {
  return step === 'disable' || step === 'delete'
}

/** What becomes of a user: it is ours only if a key of it is, and its keys end before it does. */
export function orphanedUser(name: string, identity: Identity, rules: SweepRules): Orphan {
  const about = aboutOrphan('user', name, name, rules)
  const { accessKeys } = identity
  if (rules.living.settling.has(stemOf(name))) {
    return { ...about, step: 'wait', why: 'may have its grace: its profile is settling' }
  }
  if (accessKeys.length === 0) {
    return { ...about, step: 'report', why: 'has no key that would show whose it is' }
  }
  if (!holdsKeyOfOurs(name, identity, rules.settings)) {
    return { ...about, step: 'report', why: 'has no key derived from our root key' }
  }
  const active = accessKeys.filter(({ isActive }) => isActive).length
  if (active === 0) return { ...about, step: 'delete', why: 'is disabled' }
  return { ...about, step: 'disable', why: `has ${active} active ${active === 1 ? 'key' : 'keys'}` }
}

/**
 * Whether at least half of ours would go. Then the list is rather one of another cluster, or of a new one
 * whose profiles are to have their data back.
 * @param living how many of that kind belong to the living
 */
export function goMost(orphans: readonly Orphan[], kind: Orphan['kind'], living: number) {
  const going = orphans.filter(
    (orphan) => orphan.kind === kind && ['disable', 'delete', 'wait'].includes(orphan.step)
  )
  return going.length > 0 && going.length >= living
}

function orphanedPolicy(
  name: string,
  steps: ReadonlyMap<string, Step>,
  hasStrangers: boolean,
  rules: SweepRules
): Orphan {
  const user = String(stemOfPolicy(name))
  const about = aboutOrphan('policy', name, user, rules)
  switch (steps.get(user)) {
    case 'report':
      return { ...about, step: 'report', why: 'its user may not be ours' }
    case 'disable':
    case 'wait':
      return { ...about, step: 'wait', why: 'goes after its user' }
    case 'delete':
      return { ...about, step: 'delete', why: 'goes after its user' }
    default: {
      const why = about.namespace === undefined ? 'is an earlier version' : 'has no user'
      if (hasStrangers) return { ...about, step: 'report', why: `${why}; ${STRANGERS}` }
      return { ...about, step: 'delete', why }
    }
  }
}

function orphanedBucket(
  { name, createdAt, contents }: SuspectBucket,
  steps: ReadonlyMap<string, Step>,
  hasStrangers: boolean,
  rules: SweepRules
): Orphan {
  const about = aboutOrphan('bucket', name, name, rules)
  const orphan = (step: Step, why: string) => ({ ...about, step, why: `${contents}; ${why}` })
  const userStep = steps.get(name)
  if (userStep === 'report') return orphan('report', 'its user may not be ours')
  if (userStep === undefined && hasStrangers) {
    return orphan('report', `has no user; ${STRANGERS}`)
  }
  if (!rules.deletesData) return orphan('keep', 'only --data deletes it')
  if (userStep === 'disable' || userStep === 'wait') return orphan('wait', 'goes after its user')
  if (createdAt === undefined || rules.now - createdAt < YOUNG_SECONDS) {
    return orphan('wait', 'is less than a day old')
  }
  return orphan('delete', userStep === undefined ? 'has no user' : 'goes after its user')
}

function aboutOrphan(
  kind: Orphan['kind'],
  name: string,
  user: string,
  { living, settings }: SweepRules
) {
  const known = living.namespaces.get(stemOf(user))
  const namespace = known ?? namespaceIn(settings.namePrefix, user)?.namespace
  return { kind, name, namespace, livesAgain: known !== undefined }
}
