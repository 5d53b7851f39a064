import {
  AttachUserPolicyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeletePolicyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  DetachUserPolicyCommand,
  GetUserPolicyCommand,
  type IAMClient,
  ListAccessKeysCommand,
  ListAttachedUserPoliciesCommand,
  ListPoliciesCommand,
  ListUserPoliciesCommand,
  ListUsersCommand,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand
} from '@aws-sdk/client-iam'
import type { Witness } from '../../src/matrix/run-attacks.ts'
import type { Party } from '../../src/matrix/scene.ts'
import { suppliedAccessKeyCommand } from '../../src/object-store/supplied-access-key.ts'

interface User {
  readonly keys: Readonly<Record<string, string>>
  readonly attached: readonly string[]
  /** Name -> document. */
  readonly inline: Readonly<Record<string, string>>
}
interface Identities {
  readonly users: Readonly<Record<string, User>>
  readonly policies: readonly string[]
}

const ARN = 'arn:aws:iam:::policy/'

/** Who there is, with which keys and policies. */
export function identityWitness(iam: IAMClient, parties: readonly Party[]): Witness {
  let wanted: Identities | undefined

  async function read(): Promise<Identities> {
    const { Users = [] } = await iam.send(new ListUsersCommand({}))
    const names = Users.map(({ UserName = '' }) => UserName).sort()
    const users = names.map(async (name) => [name, await readUser(name)] as const)
    const { Policies = [] } = await iam.send(new ListPoliciesCommand({}))
    return {
      users: Object.fromEntries(await Promise.all(users)),
      policies: Policies.map(({ PolicyName = '' }) => PolicyName).sort()
    }
  }

  async function readUser(UserName: string): Promise<User> {
    // A static user's policies cannot be read, and an attack that reached them would show elsewhere.
    if (!parties.some(({ user }) => user === UserName))
      return { keys: {}, attached: [], inline: {} }
    return readAll(UserName)
  }

  async function readAll(UserName: string): Promise<User> {
    const keys = await iam.send(new ListAccessKeysCommand({ UserName }))
    const attached = await iam.send(new ListAttachedUserPoliciesCommand({ UserName }))
    const { PolicyNames = [] } = await iam.send(new ListUserPoliciesCommand({ UserName }))
    const inline = PolicyNames.sort().map(async (PolicyName) => {
      const answer = await iam.send(new GetUserPolicyCommand({ UserName, PolicyName }))
      return [PolicyName, answer.PolicyDocument ?? ''] as const
    })
    return {
      keys: Object.fromEntries(
        (keys.AccessKeyMetadata ?? [])
          .map(({ AccessKeyId = '', Status = '' }) => [AccessKeyId, Status] as const)
          .sort()
      ),
      attached: (attached.AttachedPolicies ?? []).map(({ PolicyName = '' }) => PolicyName).sort(),
      inline: Object.fromEntries(await Promise.all(inline))
    }
  }

  async function removeUser(UserName: string) {
    const { keys, attached, inline } = await readAll(UserName)
    for (const AccessKeyId of Object.keys(keys)) {
      await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }))
    }
    for (const PolicyName of attached) {
      await iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn: ARN + PolicyName }))
    }
    for (const PolicyName of Object.keys(inline)) {
      await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName }))
    }
    await iam.send(new DeleteUserCommand({ UserName }))
  }

  async function restoreUser(UserName: string, user: User, seen: User | undefined) {
    if (seen === undefined) await iam.send(new CreateUserCommand({ UserName }))
    const live = seen ?? { keys: {}, attached: [], inline: {} }
    for (const PolicyName of live.attached.filter((name) => !user.attached.includes(name))) {
      await iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn: ARN + PolicyName }))
    }
    for (const PolicyName of user.attached.filter((name) => !live.attached.includes(name))) {
      await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: ARN + PolicyName }))
    }
    for (const PolicyName of Object.keys(live.inline)) {
      if (user.inline[PolicyName] !== undefined) continue
      await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName }))
    }
    for (const [PolicyName, PolicyDocument] of Object.entries(user.inline)) {
      if (live.inline[PolicyName] === PolicyDocument) continue
      await iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }))
    }
    for (const AccessKeyId of Object.keys(live.keys)) {
      if (user.keys[AccessKeyId] !== undefined) continue
      await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }))
    }
    for (const [AccessKeyId, Status] of Object.entries(user.keys)) {
      const key = parties.find(({ accessKey }) => accessKey.accessKeyId === AccessKeyId)?.accessKey
      if (live.keys[AccessKeyId] === undefined && key) {
        await iam.send(suppliedAccessKeyCommand(UserName, key))
      } else if (live.keys[AccessKeyId] !== Status) {
        const change = { UserName, AccessKeyId, Status: Status as 'Active' | 'Inactive' }
        await iam.send(new UpdateAccessKeyCommand(change))
      }
    }
  }

  return {
    name: 'the users, their keys and policies',
    async look() {
      try {
        const seen = await read()
        wanted ??= seen
        return JSON.stringify(seen)
      } catch (error) {
        // An attack can put the whole API out of order.
        return `IAM is out of order: ${(error as Error).name}`
      }
    },
    async restore() {
      if (wanted === undefined) return
      const seen = await read().catch(() => undefined)
      if (seen === undefined) return
      // First: under another name a user keeps the keys that are to be given back.
      for (const UserName of Object.keys(seen.users)) {
        if (wanted.users[UserName] === undefined) await removeUser(UserName)
      }
      for (const [UserName, user] of Object.entries(wanted.users)) {
        await restoreUser(UserName, user, seen.users[UserName])
      }
      for (const policy of seen.policies.filter((name) => !wanted?.policies.includes(name))) {
        await iam.send(new DeletePolicyCommand({ PolicyArn: ARN + policy }))
      }
    }
  }
}
