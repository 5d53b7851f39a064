import type { Filer } from '../config.ts'
import type { AccessKey } from '../desired/credentials.ts'
import type { Identity } from '../desired/identity.ts'
import { StoreRejected } from '../errors.ts'
import { type Ask, buildFilerCalls, configurationOf, type Group } from './filer-calls.ts'
import { missing, STATUS, statusOf } from './filer-errors.ts'
import { buildFilerPolicies, documentFrom } from './filer-policies.ts'
import type { GrpcChannel } from './grpc-channel.ts'
import type { Budget, Identities } from './object-store.ts'
import { StoredIdentity } from './stored-identity.ts'
import type { WriteQueue } from './write-queue.ts'

/** Of what is known of groups: whom somebody puts into one meanwhile the audit finds, too. */
const GROUPS_TRUST_MS = 5 * 60_000

/**
 * The identity half of the port, on the service SeaweedIdentityAccessManagement of SeaweedFS's filer: one small
 * file a user, so a write costs the same however many users there are, and two writers lose nothing.
 * Nobody may write identities over HTTP beside it: that rewrites all of them from an older view.
 */
export function buildFilerApi(
  filer: Filer,
  channel: GrpcChannel,
  queue: WriteQueue,
  clock = () => performance.now()
): Identities {
  const calls = buildFilerCalls(filer, channel, queue)
  const { read, write } = calls
  /** Who was in a group at the last look at everybody: of the others nobody need ask, which would cost another. */
  let known: { readonly members: ReadonlySet<string>; readonly until: number } | undefined

  function remember(groups: readonly Group[]): ReadonlySet<string> {
    const members = new Set(groups.flatMap(({ members }) => members))
    known = { members, until: clock() + GROUPS_TRUST_MS }
    return members
  }

  async function groupsOf(ask: Ask, user: string): Promise<string[]> {
    if (known !== undefined && clock() < known.until && !known.members.has(user)) return []
    const { groups } = await configurationOf(ask)
    remember(groups)
    return namesOfGroups(groups, user)
  }

  /** Changes a user from what it is at that moment; a user that does not exist is left so. */
  async function change(
    step: string,
    user: string,
    budget: Budget,
    edit: (stored: StoredIdentity) => StoredIdentity
  ) {
    await write(step, budget, async (ask) => {
      const stored = await storedUser(ask, user)
      if (stored === undefined) return
      const edited = edit(stored)
      if (edited.bytes.equals(stored.bytes)) return
      await ask('UpdateUser', { username: user, identity: edited.bytes }).catch(missing)
    })
  }

  async function createUser(user: string, policyName: string, key: AccessKey, budget: Budget) {
    const identity = { name: user, credentials: [credentialFrom(key)], policyNames: [policyName] }
    return write(
      `creating user ${user}`,
      budget,
      async (ask) => {
        try {
          await ask('CreateUser', { identity })
          return true
        } catch (error) {
          if (statusOf(error) !== STATUS.ALREADY_EXISTS) throw error
          return false
        }
      },
      [key.secretAccessKey]
    )
  }

  async function createAccessKey(user: string, key: AccessKey, budget: Budget) {
    await write(
      `issuing an access key to user ${user}`,
      budget,
      (ask) =>
        ask('CreateAccessKey', { username: user, credential: credentialFrom(key) }).catch(existing),
      [key.secretAccessKey]
    )
  }

  const identities: Identities = {
    ...buildFilerPolicies(calls),

    async listUsers(budget) {
      return read('listing the users', budget, async (ask) => {
        const { usernames } = await ask<{ usernames: string[] }>('ListUsers', {})
        return usernames
      })
    },

    async readIdentity(user, budget) {
      return read(`reading user ${user}`, budget, async (ask) => {
        const stored = await storedUser(ask, user)
        if (stored === undefined) return undefined
        return stored.toIdentity(await groupsOf(ask, user))
      })
    },

    async surveyIdentities(budget) {
      return read('surveying the users', budget, async (ask) => {
        const { identities, groups } = await configurationOf(ask)
        const { policies } = await ask<{ policies: { name: string; content: string }[] }>(
          'ListPolicies',
          {}
        )
        const members = remember(groups)
        const stored = identities.map((bytes) => new StoredIdentity(bytes))
        const groupsOfUser = (user: string) =>
          members.has(user) ? namesOfGroups(groups, user) : []
        return {
          identities: new Map(
            stored.map((user) => [user.name, user.toIdentity(groupsOfUser(user.name))])
          ),
          secretDigests: new Map(stored.map((user) => [user.name, user.secretDigests()])),
          policies: new Map(policies.map(({ name, content }) => [name, documentFrom(content)]))
        }
      })
    },

    async ensureIdentity(user, desired, live, budget) {
      const { policyName, accessKey } = desired
      if (live === undefined) {
        if (await createUser(user, policyName, accessKey, budget)) return
        const found = await identities.readIdentity(user, budget)
        return identities.ensureIdentity(user, desired, found, budget)
      }
      refuseWhatStays(user, live, budget)
      if (!hasPolicyAlone(live, policyName)) {
        const step = `giving user ${user} policy ${policyName} alone`
        await change(step, user, budget, (stored) => stored.withPolicyAlone(policyName))
      }
      const { accessKeyId } = accessKey
      const key = live.accessKeys.find((candidate) => candidate.accessKeyId === accessKeyId)
      if (key === undefined) return createAccessKey(user, accessKey, budget)
      if (key.isActive) return
      const step = `activating access key ${accessKeyId} of user ${user}`
      await change(step, user, budget, (stored) => stored.withActiveKey(accessKeyId))
    },

    async disableAccessKey(user, accessKeyId, budget) {
      const step = `disabling access key ${accessKeyId} of user ${user}`
      await change(step, user, budget, (stored) => stored.withInactiveKey(accessKeyId))
    },

    async deleteAccessKey(user, accessKeyId, budget) {
      await write(`revoking access key ${accessKeyId} of user ${user}`, budget, (ask) =>
        ask('DeleteAccessKey', { username: user, accessKey: accessKeyId }).catch(missing)
      )
    },

    /** Keys and policies are part of the user and go with it, in one write; service accounts are not. */
    async deleteIdentity(user, _live, budget) {
      await write(`deleting user ${user}`, budget, async (ask) => {
        const { serviceAccountIds = [] } = (await storedUser(ask, user)) ?? {}
        for (const id of serviceAccountIds) await ask('DeleteServiceAccount', { id }).catch(missing)
        await ask('DeleteUser', { username: user }).catch(missing)
      })
    }
  }
  return identities
}

async function storedUser(ask: Ask, user: string): Promise<StoredIdentity | undefined> {
  const answer = await ask<{ identity: Buffer }>('GetUser', { username: user }).catch(missing)
  return answer && new StoredIdentity(answer.identity)
}

function namesOfGroups(groups: readonly Group[], user: string): string[] {
  return groups.filter(({ members }) => members.includes(user)).map(({ name }) => name)
}

function hasPolicyAlone({ policies }: Identity, policyName: string): boolean {
  return policies.length === 1 && policies[0] === policyName
}

/**
 * The service changes groups only together with all users, which would lose those of another writer. Of an inline
 * policy it has only what that came to: without it the policy still gives its rights, and nobody would see it any more.
 */
function refuseWhatStays(user: string, { groups, inlinePolicies }: Identity, budget: Budget): void {
  const step = `limiting user ${user} for profile ${budget.namespace}`
  if (groups.length > 0) {
    throw new StoreRejected(
      step,
      `it is in group ${groups.join(', ')}, which the filer does not let anybody change by itself; take it out in weed shell, with s3.group.remove-user`
    )
  }
  if (inlinePolicies.length > 0) {
    throw new StoreRejected(
      step,
      'it has rights of its own, which the filer cannot take away for good; delete its inline policies through a gateway with writable IAM while the hook is stopped, or, if there are none, its actions in weed shell, with s3.configure'
    )
  }
}

function credentialFrom({ accessKeyId, secretAccessKey }: AccessKey) {
  return { accessKey: accessKeyId, secretKey: secretAccessKey, status: 'Active' }
}

/** The filer has no status of its own for that. */
function existing(error: unknown): undefined {
  if (!/access key \S+ already exists/.test(String((error as Error).message))) throw error
}
