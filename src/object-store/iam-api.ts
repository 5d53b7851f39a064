import {
  AttachUserPolicyCommand,
  CreatePolicyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeletePolicyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  DetachUserPolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetUserCommand,
  IAMClient,
  ListAccessKeysCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupsForUserCommand,
  ListUserPoliciesCommand,
  ListUsersCommand,
  UpdateAccessKeyCommand
} from '@aws-sdk/client-iam'
import type { StoreSettings } from '../config.ts'
import type { PolicyDocument } from '../desired/access-policy.ts'
import { canonicalText } from '../desired/canonical.ts'
import type { AccessKey } from '../desired/credentials.ts'
import { StoreRejected } from '../errors.ts'
import type { Budget, Identity, ObjectStore } from './object-store.ts'
import { nameOf, storeError } from './store-errors.ts'
import { suppliedAccessKeyCommand } from './supplied-access-key.ts'
import type { WriteQueue } from './write-queue.ts'

type Identities = Pick<
  ObjectStore,
  | 'ensurePolicy'
  | 'deletePolicy'
  | 'listUsers'
  | 'readIdentity'
  | 'ensureIdentity'
  | 'disableAccessKey'
  | 'deleteAccessKey'
  | 'deleteIdentity'
  | 'readForeignIdentity'
  | 'deleteForeignIdentity'
>

const ABSENT = 'NoSuchEntityException'
const EXISTS = 'EntityAlreadyExistsException'
const POLICY_ARN_PREFIX = 'arn:aws:iam:::policy/'

/**
 * The identity half of the port, on the AWS IAM Query API: SeaweedFS's S3 port with writable IAM, or its
 * standalone server (port 8111). Every write costs the store one rewrite of all identities.
 */
export function buildIamApi(
  settings: StoreSettings,
  queue: WriteQueue
): Identities & { checkIam(budget: Budget): Promise<void> } {
  const client = new IAMClient({
    endpoint: settings.iamEndpoint,
    region: settings.region,
    credentials: { ...settings.credentials },
    maxAttempts: 2
  })

  type SendOptions = { abortSignal: AbortSignal }
  type Send<T> = (options: SendOptions) => Promise<T>

  async function call<T>(step: string, budget: Budget, send: Send<T>, secrets: string[] = []) {
    try {
      return await send({ abortSignal: budget.signal })
    } catch (error) {
      throw storeError(error, step, budget, secrets)
    }
  }

  async function write<T>(step: string, budget: Budget, send: Send<T>, secrets: string[] = []) {
    return queue(step, budget, () => call(step, budget, send, secrets))
  }

  function findPolicy(name: string, options: SendOptions) {
    const command = new GetPolicyCommand({ PolicyArn: POLICY_ARN_PREFIX + name })
    return client.send(command, options).catch(absent)
  }

  async function readPolicy(name: string, budget: Budget): Promise<PolicyDocument | undefined> {
    return call(`reading policy ${name}`, budget, async (options) => {
      const policy = await findPolicy(name, options)
      if (policy === undefined) return undefined
      const PolicyArn = POLICY_ARN_PREFIX + name
      const VersionId = policy.Policy?.DefaultVersionId ?? 'v1'
      const command = new GetPolicyVersionCommand({ PolicyArn, VersionId })
      const version = await client.send(command, options).catch(absent)
      return documentFrom(version?.PolicyVersion?.Document)
    })
  }

  async function readUser(UserName: string, options: SendOptions): Promise<Identity> {
    await client.send(new GetUserCommand({ UserName }), options)
    const policies: string[] = []
    let Marker: string | undefined
    do {
      const command = new ListAttachedUserPoliciesCommand({ UserName, Marker })
      const page = await client.send(command, options)
      for (const { PolicyName } of page.AttachedPolicies ?? []) {
        if (PolicyName !== undefined) policies.push(PolicyName)
      }
      Marker = page.IsTruncated ? page.Marker : undefined
    } while (Marker !== undefined)
    const keys = await client.send(new ListAccessKeysCommand({ UserName }), options)
    const accessKeys = (keys.AccessKeyMetadata ?? []).map(({ AccessKeyId = '', Status }) => ({
      accessKeyId: AccessKeyId,
      isActive: Status !== 'Inactive'
    }))
    return { policies, accessKeys }
  }

  async function createAccessKey(user: string, accessKey: AccessKey, budget: Budget) {
    const step = `issuing an access key to user ${user}`
    const issued = await write(
      step,
      budget,
      (options) => client.send(suppliedAccessKeyCommand(user, accessKey), options).catch(existing),
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
    await write(`revoking access key ${accessKeyId} of user ${user}`, budget, (options) =>
      client
        .send(new DeleteAccessKeyCommand({ UserName: user, AccessKeyId: accessKeyId }), options)
        .catch(absent)
    )
  }

  async function deleteUser(user: string, budget: Budget) {
    await write(`deleting user ${user}`, budget, (options) =>
      client.send(new DeleteUserCommand({ UserName: user }), options).catch(absent)
    )
  }

  async function attachPolicy(user: string, policyName: string, budget: Budget) {
    const PolicyArn = POLICY_ARN_PREFIX + policyName
    await write(`attaching policy ${policyName} to user ${user}`, budget, (options) =>
      client.send(new AttachUserPolicyCommand({ UserName: user, PolicyArn }), options)
    )
  }

  async function detachPolicy(user: string, policyName: string, budget: Budget) {
    const PolicyArn = POLICY_ARN_PREFIX + policyName
    await write(`detaching policy ${policyName} from user ${user}`, budget, (options) =>
      client.send(new DetachUserPolicyCommand({ UserName: user, PolicyArn }), options).catch(absent)
    )
  }

  return {
    async ensurePolicy(policy, budget) {
      const live = await readPolicy(policy.name, budget)
      if (canonicalText(live) === canonicalText(policy.document)) return
      const step = `creating policy ${policy.name}`
      // The standalone API overwrites, the embedded one answers 409 to an edited document.
      const written = await write(step, budget, (options) =>
        client
          .send(
            new CreatePolicyCommand({
              PolicyName: policy.name,
              PolicyDocument: JSON.stringify(policy.document)
            }),
            options
          )
          .catch(existing)
      )
      if (written !== undefined) return
      const raced = await readPolicy(policy.name, budget)
      if (canonicalText(raced) === canonicalText(policy.document)) return
      throw new StoreRejected(
        `${step} for profile ${budget.namespace}`,
        'a policy of that name holds other content; detach it from its users and delete it'
      )
    },

    async deletePolicy(policyName, budget) {
      const found = await call(`looking for policy ${policyName}`, budget, (options) =>
        findPolicy(policyName, options)
      )
      if (found === undefined) return
      const PolicyArn = POLICY_ARN_PREFIX + policyName
      await write(`deleting policy ${policyName}`, budget, (options) =>
        client.send(new DeletePolicyCommand({ PolicyArn }), options).catch(absent)
      )
    },

    async listUsers(budget) {
      return call('listing the users', budget, async (options) => {
        const users: string[] = []
        let Marker: string | undefined
        do {
          const page = await client.send(new ListUsersCommand({ Marker }), options)
          for (const { UserName } of page.Users ?? []) {
            if (UserName !== undefined) users.push(UserName)
          }
          Marker = page.IsTruncated ? page.Marker : undefined
        } while (Marker !== undefined)
        return users
      })
    },

    async readIdentity(user, budget) {
      return call(`reading user ${user}`, budget, (options) =>
        readUser(user, options).catch(absent)
      )
    },

    async ensureIdentity(user, { policyName, accessKey }, live, budget) {
      if (live === undefined) {
        await write(`creating user ${user}`, budget, (options) =>
          client.send(new CreateUserCommand({ UserName: user }), options).catch(existing)
        )
      }
      if (!live?.policies.includes(policyName)) await attachPolicy(user, policyName, budget)
      for (const other of live?.policies ?? []) {
        if (other !== policyName) await detachPolicy(user, other, budget)
      }
      const key = live?.accessKeys.find(({ accessKeyId }) => accessKeyId === accessKey.accessKeyId)
      if (key === undefined) return createAccessKey(user, accessKey, budget)
      if (key.isActive) return
      const { accessKeyId: AccessKeyId } = accessKey
      const command = new UpdateAccessKeyCommand({ UserName: user, AccessKeyId, Status: 'Active' })
      await write(`activating access key ${AccessKeyId} of user ${user}`, budget, (options) =>
        client.send(command, options)
      )
    },

    async disableAccessKey(user, accessKeyId, budget) {
      const change = { UserName: user, AccessKeyId: accessKeyId, Status: 'Inactive' } as const
      await write(`disabling access key ${accessKeyId} of user ${user}`, budget, (options) =>
        client.send(new UpdateAccessKeyCommand(change), options).catch(absent)
      )
    },

    deleteAccessKey,

    async deleteIdentity(user, live, budget) {
      for (const { accessKeyId } of live.accessKeys) {
        await deleteAccessKey(user, accessKeyId, budget)
      }
      for (const policyName of live.policies) await detachPolicy(user, policyName, budget)
      await deleteUser(user, budget)
    },

    async readForeignIdentity(user, budget) {
      return call(`reading user ${user}`, budget, async (options) => {
        const identity = await readUser(user, options).catch(absent)
        if (identity === undefined) return undefined
        const UserName = user
        const inline = await client.send(new ListUserPoliciesCommand({ UserName }), options)
        const groups = await client.send(new ListGroupsForUserCommand({ UserName }), options)
        return {
          ...identity,
          inlinePolicies: inline.PolicyNames ?? [],
          groups: (groups.Groups ?? []).map(({ GroupName = '' }) => GroupName)
        }
      })
    },

    async deleteForeignIdentity(user, live, budget) {
      for (const { accessKeyId } of live.accessKeys) {
        await deleteAccessKey(user, accessKeyId, budget)
      }
      for (const PolicyName of live.inlinePolicies) {
        await write(`deleting policy ${PolicyName} of user ${user}`, budget, (options) =>
          client
            .send(new DeleteUserPolicyCommand({ UserName: user, PolicyName }), options)
            .catch(absent)
        )
      }
      await deleteUser(user, budget)
    },

    async checkIam(budget) {
      await call('reading a user through AWS_ENDPOINT_URL_IAM', budget, (options) =>
        client.send(new GetUserCommand({ UserName: 'nobody' }), options).catch(absent)
      )
    }
  }
}

function absent(error: unknown): undefined {
  if (nameOf(error) !== ABSENT) throw error
}

function existing(error: unknown): undefined {
  if (nameOf(error) !== EXISTS) throw error
}

/** AWS URL-encodes documents, SeaweedFS does not. */
function documentFrom(text: string | undefined): PolicyDocument | undefined {
  if (!text) return undefined
  return JSON.parse(text.startsWith('%7B') ? decodeURIComponent(text) : text)
}
