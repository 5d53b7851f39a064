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

/** Whether a profile's Secret holds a key that opens everything. */
export function isAdminKey(accessKeyId: string, adminAccessKeyId: string): boolean {
  return accessKeyId === MINIO_ADMIN || accessKeyId === adminAccessKeyId
}
