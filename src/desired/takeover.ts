import type { Identity } from './identity.ts'

/** KFP's MinIO of old gave this pair, its admin's, to every namespace. */
const MINIO_ADMIN = 'minio'

/**
 * Whether all that a user has is what sync.py gave it, so that it may go. A user with any other right is
 * somebody's; and one that holds the admin's key is the admin, whom sync.py caught for a Profile of its name.
 */
export function isSyncPys(
  namespace: string,
  { accessKeys, policies, inlinePolicies, groups }: Identity,
  adminAccessKeyId: string
): boolean {
  const [only, ...others] = inlinePolicies
  return (
    only === `KubeflowProject${namespace}` &&
    others.length + policies.length + groups.length === 0 &&
    accessKeys.every(({ accessKeyId }) => !isAdminKey(accessKeyId, adminAccessKeyId))
  )
}

/**
 * The names of a user's inline policies, of which the filer tells only what they came to, such as
 * `Read:mlpipeline/shared/*`. sync.py's is known by that: nobody else grants the profile's own folder and just these
 * beside it, all in one bucket.
 */
export function inlinePoliciesFrom(user: string, actions: readonly string[]): string[] {
  if (actions.length === 0) return []
  const own = `private-artifacts/${user}`
  const known = ['artifacts', own, `private/${user}`, 'shared']
  const granted = actions.map((action) => /^[A-Za-z]+:([^/]+)\/(.+)\/\*$/.exec(action) ?? [])
  const folders = granted.map(([, , folder = '']) => folder)
  const isSyncPys =
    new Set(granted.map(([, bucket]) => bucket)).size === 1 &&
    folders.includes(own) &&
    folders.every((folder) => known.includes(folder))
  return [isSyncPys ? `KubeflowProject${user}` : `${user}_policy`]
}

/** Whether a profile's Secret holds a key that opens everything. */
export function isAdminKey(accessKeyId: string, adminAccessKeyId: string): boolean {
  return accessKeyId === MINIO_ADMIN || accessKeyId === adminAccessKeyId
}
