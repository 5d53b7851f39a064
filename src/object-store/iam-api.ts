import {
  AttachUserPolicyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  DetachUserPolicyCommand,
  GetUserCommand,
  type IAMClient,
  ListAccessKeysCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupsForUserCommand,
  ListUserPoliciesCommand,
  ListUsersCommand,
  RemoveUserFromGroupCommand,
  UpdateAccessKeyCommand
} from '@aws-sdk/client-iam'
import type { IamSettings } from '../config.ts'
import type { AccessKey } from '../desired/credentials.ts'
import type { Identity } from '../desired/identity.ts'
import { StoreRejected } from '../errors.ts'
import { absent, allPages, buildIamCalls, existing, POLICY_ARN_PREFIX } from './iam-calls.ts'
import { buildIamPolicies } from './iam-policies.ts'
import type { Budget, Identities } from './object-store.ts'
import { suppliedAccessKeyCommand } from './supplied-access-key.ts'
import type { WriteQueue } from './write-queue.ts'

/**
 * The identity half of the port, on the AWS IAM Query API: SeaweedFS's S3 port with writable IAM, or its
 * standalone server (port 8111). Every write costs the store one rewrite of all identities.
 */
export function buildIamApi(settings: IamSettings, queue: WriteQueue): Identities {
  const calls = buildIamCalls(settings, queue)
  const { read, write } = calls

  async function createAccessKey(user: string, accessKey: AccessKey, budget: Budget) {
    const step = `issuing an access key to user ${user}`
    const issued = await write(
      step,
      budget,
      (client, options) =>
        client.send(suppliedAccessKeyCommand(user, accessKey), options).catch(existing),
      [accessKey.secretAccessKey]
    )
    const drawn = issued?.AccessKey?.AccessKeyId
    if (drawn === undefined || drawn === accessKey.accessKeyId) return
    await deleteAccessKey(user, drawn, budget)
    throw new StoreRejected(
      `${step} for profile ${budget.namespace}`,
      'it draws keys of its own instead of taking ours; SeaweedFS 4.22 or newer is needed'
    )
  }

  async function deleteAccessKey(user: string, accessKeyId: string, budget: Budget) {
    const change = { UserName: user, AccessKeyId: accessKeyId }
    await write(`revoking access key ${accessKeyId} of user ${user}`, budget, (client, options) =>
      client.send(new DeleteAccessKeyCommand(change), options).catch(absent)
    )
  }

  async function attachPolicy(user: string, policyName: string, budget: Budget) {
    const change = { UserName: user, PolicyArn: POLICY_ARN_PREFIX + policyName }
    await write(`attaching policy ${policyName} to user ${user}`, budget, (client, options) =>
      client.send(new AttachUserPolicyCommand(change), options)
    )
  }

  async function detachPolicy(user: string, policyName: string, budget: Budget) {
    const change = { UserName: user, PolicyArn: POLICY_ARN_PREFIX + policyName }
    await write(`detaching policy ${policyName} from user ${user}`, budget, (client, options) =>
      client.send(new DetachUserPolicyCommand(change), options).catch(absent)
    )
  }

  /** What gives the user rights beside its attached policies; an inline policy would come back with the name. */
  async function deleteOtherRights(
    user: string,
    { inlinePolicies, groups }: Pick<Identity, 'inlinePolicies' | 'groups'>,
    budget: Budget
  ) {
    for (const PolicyName of inlinePolicies) {
      const change = { UserName: user, PolicyName }
      await write(`deleting policy ${PolicyName} of user ${user}`, budget, (client, options) =>
        client.send(new DeleteUserPolicyCommand(change), options).catch(absent)
      )
    }
    for (const GroupName of groups) {
      const command = new RemoveUserFromGroupCommand({ UserName: user, GroupName })
      await write(`taking user ${user} out of group ${GroupName}`, budget, (client, options) =>
        client.send(command, options).catch(absent)
      )
    }
  }

  return {
    ...buildIamPolicies(calls),

    async listUsers(budget) {
      return read('listing the users', budget, (client, options) =>
        allPages(
          (Marker) => client.send(new ListUsersCommand({ Marker }), options),
          ({ Users }) => Users?.map(({ UserName }) => UserName)
        )
      )
    },

    async readIdentity(user, budget) {
      return read(`reading user ${user}`, budget, (client, options) =>
        identityOf(client, user, options).catch(absent)
      )
    },

    async surveyIdentities() {
      return undefined
    },

    async ensureIdentity(user, { policyName, accessKey }, live, budget) {
      if (live === undefined) {
        await write(`creating user ${user}`, budget, (client, options) =>
          client.send(new CreateUserCommand({ UserName: user }), options).catch(existing)
        )
      }
      if (!live?.policies.includes(policyName)) await attachPolicy(user, policyName, budget)
      for (const other of live?.policies ?? []) {
        if (other !== policyName) await detachPolicy(user, other, budget)
      }
      if (live !== undefined) await deleteOtherRights(user, live, budget)
      const key = live?.accessKeys.find(({ accessKeyId }) => accessKeyId === accessKey.accessKeyId)
      if (key === undefined) return createAccessKey(user, accessKey, budget)
      if (key.isActive) return
      const { accessKeyId: AccessKeyId } = accessKey
      const command = new UpdateAccessKeyCommand({ UserName: user, AccessKeyId, Status: 'Active' })
      const step = `activating access key ${AccessKeyId} of user ${user}`
      await write(step, budget, (client, options) => client.send(command, options))
    },

    async disableAccessKey(user, accessKeyId, budget) {
      const change = { UserName: user, AccessKeyId: accessKeyId, Status: 'Inactive' } as const
      await write(
        `disabling access key ${accessKeyId} of user ${user}`,
        budget,
        (client, options) => client.send(new UpdateAccessKeyCommand(change), options).catch(absent)
      )
    },

    deleteAccessKey,

    async deleteIdentity(user, live, budget) {
      for (const { accessKeyId } of live.accessKeys) {
        await deleteAccessKey(user, accessKeyId, budget)
      }
      for (const policyName of live.policies) await detachPolicy(user, policyName, budget)
      await deleteOtherRights(user, live, budget)
      await write(`deleting user ${user}`, budget, (client, options) =>
        client.send(new DeleteUserCommand({ UserName: user }), options).catch(absent)
      )
    }
  }
}

async function identityOf(
  client: IAMClient,
  UserName: string,
  options: { abortSignal: AbortSignal }
): Promise<Identity> {
  await client.send(new GetUserCommand({ UserName }), options)
  const [policies, keys, inline, member] = await Promise.all([
    allPages(
      (Marker) => client.send(new ListAttachedUserPoliciesCommand({ UserName, Marker }), options),
      ({ AttachedPolicies }) => AttachedPolicies?.map(({ PolicyName }) => PolicyName)
    ),
    client.send(new ListAccessKeysCommand({ UserName }), options),
    client.send(new ListUserPoliciesCommand({ UserName }), options),
    client.send(new ListGroupsForUserCommand({ UserName }), options)
  ])
  const accessKeys = (keys.AccessKeyMetadata ?? []).map(({ AccessKeyId = '', Status }) => ({
    accessKeyId: AccessKeyId,
    isActive: Status !== 'Inactive'
  }))
  return {
    policies,
    accessKeys,
    inlinePolicies: inline.PolicyNames ?? [],
    groups: (member.Groups ?? []).map(({ GroupName = '' }) => GroupName)
  }
}
