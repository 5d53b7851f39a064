import type { ProfileSettings } from '../config.ts'
import type { ManagedPolicy, PolicyDocument } from './access-policy.ts'
import { canonicalText } from './canonical.ts'
import { secretDigestOf, standingOf } from './credentials.ts'
import { isOwnBucketPolicy, isPolicyOf, namesFor } from './policy-name.ts'
import { newestOf } from './rotation.ts'

/** A user as the store has it, with everything that gives it rights. */
export interface Identity {
  readonly accessKeys: readonly { readonly accessKeyId: string; readonly isActive: boolean }[]
  /** Names of the attached managed policies. */
  readonly policies: readonly string[]
  readonly inlinePolicies: readonly string[]
  readonly groups: readonly string[]
}

/** Every way in which a user of ours may not be as we left it. */
export const NO_FINDINGS = {
  'missing-key': 0,
  'disabled-key': 0,
  'wrong-secret': 0,
  'foreign-key': 0,
  'missing-policy': 0,
  'edited-policy': 0,
  'foreign-policy': 0
}
export type Finding = keyof typeof NO_FINDINGS

/** Whether a user holds a key that only the holder of the root key can have made for it. */
export function holdsKeyOfOurs(
  user: string,
  { accessKeys }: Identity,
  settings: Pick<ProfileSettings, 'rootKey' | 'previousRootKey'>
): boolean {
  return accessKeys.some(({ accessKeyId }) => standingOf(settings, user, accessKeyId) !== undefined)
}

/**
 * What is wrong with a user of ours. Keys before the current one are not: they may have their grace.
 *
 * @param policy what the user must have; undefined when that is not known
 * @param documents what the managed policies that it has say in the store
 * @param secretDigests of its keys, where the store shows them
 */
export function findingsFor(
  user: string,
  { accessKeys, policies, inlinePolicies, groups }: Identity,
  policy: ManagedPolicy | undefined,
  documents: ReadonlyMap<string, PolicyDocument | undefined>,
  settings: ProfileSettings,
  secretDigests?: ReadonlyMap<string, string>
): Finding[] {
  const keys = accessKeys.map((key) => ({
    ...key,
    standing: standingOf(settings, user, key.accessKeyId)
  }))
  const newest = newestOf(keys)
  // A key that is newer than the look at the secrets has none there.
  const digest = newest && secretDigests?.get(newest.accessKeyId)
  const own = policies.filter(
    (name) => policy !== undefined && namesFor(policy.name).includes(name)
  )
  const isOfOurs = (name: string) =>
    isPolicyOf(user, name) || isOwnBucketPolicy(settings.namePrefix, name)
  const findings: [Finding, boolean][] = [
    ['missing-key', newest === undefined],
    ['disabled-key', newest?.isActive === false],
    [
      'wrong-secret',
      newest !== undefined &&
        digest !== undefined &&
        digest !== secretDigestOf(settings, user, newest.standing)
    ],
    ['foreign-key', keys.some(({ standing }) => standing === undefined)],
    ['missing-policy', policy !== undefined && own.length === 0],
    ['edited-policy', own.some((name) => textOf(documents.get(name)) !== textOf(policy?.document))],
    [
      'foreign-policy',
      [...policies.filter((name) => !isOfOurs(name)), ...inlinePolicies, ...groups].length > 0
    ]
  ]
  return findings.filter(([, isFound]) => isFound).map(([finding]) => finding)
}

/** Thousands of users may have the same document, which is never changed in place. */
const texts = new WeakMap<PolicyDocument, string>()

function textOf(document: PolicyDocument | undefined): string | undefined {
  if (document === undefined) return undefined
  const text = texts.get(document) ?? canonicalText(document)
  texts.set(document, text)
  return text
}
