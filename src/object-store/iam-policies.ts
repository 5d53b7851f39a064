import {
  CreatePolicyCommand,
  DeletePolicyCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  type IAMClient,
  ListPoliciesCommand
} from '@aws-sdk/client-iam'
import type { PolicyDocument } from '../desired/access-policy.ts'
import { canonicalText } from '../desired/canonical.ts'
import { namesFor } from '../desired/policy-name.ts'
import { StoreRejected } from '../errors.ts'
import { absent, allPages, existing, type IamCalls, POLICY_ARN_PREFIX } from './iam-calls.ts'
import type { Budget, ObjectStore } from './object-store.ts'
import { nameOf } from './store-errors.ts'

type Policies = Pick<ObjectStore, 'ensurePolicy' | 'deletePolicy' | 'listPolicies' | 'readPolicy'>

/** The managed policies of the port, on the AWS IAM Query API. */
export function buildIamPolicies({ read, write }: IamCalls): Policies {
  async function readPolicy(name: string, budget: Budget): Promise<PolicyDocument | undefined> {
    return read(`reading policy ${name}`, budget, async (client, options) => {
      const policy = await findPolicy(client, name, options)
      if (policy === undefined) return undefined
      const PolicyArn = POLICY_ARN_PREFIX + name
      const VersionId = policy.Policy?.DefaultVersionId ?? 'v1'
      const command = new GetPolicyVersionCommand({ PolicyArn, VersionId })
      const version = await client.send(command, options).catch(absent)
      return documentFrom(version?.PolicyVersion?.Document)
    })
  }

  async function createPolicy(name: string, document: PolicyDocument, budget: Budget) {
    const change = { PolicyName: name, PolicyDocument: JSON.stringify(document) }
    return write(`creating policy ${name}`, budget, (client, options) =>
      client.send(new CreatePolicyCommand(change), options).catch(existing)
    )
  }

  return {
    readPolicy,

    async ensurePolicy({ name, document }, budget) {
      for (const candidate of namesFor(name)) {
        let live = await readPolicy(candidate, budget)
        if (live === undefined) {
          const created = await createPolicy(candidate, document, budget)
          if (created !== undefined) return candidate
          live = await readPolicy(candidate, budget)
        }
        // Never written over: the embedded API refuses to, and gateways of 4.48 may not hear of it.
        if (canonicalText(live) === canonicalText(document)) return candidate
      }
      throw new StoreRejected(
        `creating policy ${name} for profile ${budget.namespace}`,
        'all policies of that name hold other content; detach them from their users and delete them'
      )
    },

    async deletePolicy(name, budget) {
      const found = await read(`looking for policy ${name}`, budget, (client, options) =>
        findPolicy(client, name, options)
      )
      if (found === undefined) return 'deleted'
      const PolicyArn = POLICY_ARN_PREFIX + name
      return write(`deleting policy ${name}`, budget, async (client, options) => {
        try {
          await client.send(new DeletePolicyCommand({ PolicyArn }), options).catch(absent)
          return 'deleted'
        } catch (error) {
          if (nameOf(error) === 'DeleteConflictException') return 'attached'
          throw error
        }
      })
    },

    async listPolicies(budget) {
      return read('listing the policies', budget, (client, options) =>
        allPages(
          (Marker) => client.send(new ListPoliciesCommand({ Scope: 'Local', Marker }), options),
          ({ Policies }) => Policies?.map(({ PolicyName }) => PolicyName)
        )
      )
    }
  }
}

function findPolicy(client: IAMClient, name: string, options: { abortSignal: AbortSignal }) {
  const command = new GetPolicyCommand({ PolicyArn: POLICY_ARN_PREFIX + name })
  return client.send(command, options).catch(absent)
}

/** AWS URL-encodes documents, SeaweedFS does not. */
function documentFrom(text: string | undefined): PolicyDocument | undefined {
  if (!text) return undefined
  return JSON.parse(text.startsWith('%7B') ? decodeURIComponent(text) : text)
}
