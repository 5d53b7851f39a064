import { createHash } from 'node:crypto'
import { canonicalText } from './canonical.ts'

/** Under how many names a policy may stand: each time somebody edits one that cannot be mended, the next. */
const MAX_NAMES = 9
const VERSION = new RegExp(`^(.+)-[0-9a-f]{8}(-[2-${MAX_NAMES}])?$`)

/** The name of a managed policy: a stem that says whose it is, and a version, the hash of its document. */
export function policyNameFor(stem: string, document: unknown): string {
  const version = createHash('sha256').update(canonicalText(document)).digest('hex').slice(0, 8)
  return `${stem}-${version}`
}

/** The stem of the policy that all profiles of the per-profile layout have. A user's own policy has the user's name. */
export function ownBucketStem(namePrefix: string): string {
  return `${namePrefix}own-bucket`
}

/** The names under which a managed policy may stand, in order: its own, `…-2`, `…-3`. */
export function namesFor(policyName: string): string[] {
  const others = Array.from({ length: MAX_NAMES - 1 }, (_, index) => `${policyName}-${index + 2}`)
  return [policyName, ...others]
}

/** Whether a managed policy belongs to this user alone, in whatever version. */
export function isPolicyOf(user: string, policyName: string): boolean {
  return stemOfPolicy(policyName) === user
}

/** Whether a managed policy is the one that all profiles of the per-profile layout have, in whatever version. */
export function isOwnBucketPolicy(namePrefix: string, policyName: string): boolean {
  return stemOfPolicy(policyName) === ownBucketStem(namePrefix)
}

/** What the name of a managed policy of ours says before its version: the user that it belongs to, if any. */
export function stemOfPolicy(policyName: string): string | undefined {
  return VERSION.exec(policyName)?.[1]
}
