import { IAMClient, ListAccessKeysCommand, ListUsersCommand, type User } from '@aws-sdk/client-iam'
import type { SeaweedFs } from '../../dev/seaweedfs.ts'

/** One of our users and its keys, as the store's administrator sees them. */
export interface LiveUser {
  readonly name: string
  readonly accessKeys: { readonly id: string; readonly isActive: boolean }[]
}

export function adminIam({ iamEndpoint, admin }: SeaweedFs): IAMClient {
  return new IAMClient({ endpoint: iamEndpoint, region: 'us-east-1', credentials: { ...admin } })
}

/** The users of ours, or those whose namespaces begin so. */
export async function liveUsers(iam: IAMClient, namespace = ''): Promise<LiveUser[]> {
  const users: User[] = []
  let Marker: string | undefined
  do {
    const page = await iam.send(new ListUsersCommand(Marker ? { Marker } : {}))
    users.push(...(page.Users ?? []))
    Marker = page.IsTruncated ? page.Marker : undefined
  } while (Marker)
  const names = users.map(({ UserName = '' }) => UserName).sort()
  const ours = names.filter((name) => name.startsWith(`profile-${namespace}`))
  const found: LiveUser[] = []
  for (const name of ours) found.push({ name, accessKeys: await keysOf(iam, name) })
  return found
}

async function keysOf(iam: IAMClient, UserName: string): Promise<LiveUser['accessKeys']> {
  const { AccessKeyMetadata = [] } = await iam.send(new ListAccessKeysCommand({ UserName }))
  return AccessKeyMetadata.map(({ AccessKeyId: id = '', Status }) => ({
    id,
    isActive: Status === 'Active'
  }))
}
