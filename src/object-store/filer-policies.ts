import type { PolicyDocument } from '../desired/access-policy.ts'
import { canonicalText } from '../desired/canonical.ts'
import { type Ask, configurationOf, type FilerCalls } from './filer-calls.ts'
import { missing } from './filer-errors.ts'
import type { Budget, Identities } from './object-store.ts'
import { StoredIdentity } from './stored-identity.ts'

type Policies = Pick<Identities, 'ensurePolicy' | 'deletePolicy' | 'listPolicies' | 'readPolicy'>

/** The managed policies of the port, on the filer's identity service. */
export function buildFilerPolicies({ read, write }: FilerCalls): Policies {
  async function readPolicy(name: string, budget: Budget): Promise<PolicyDocument | undefined> {
    return read(`reading policy ${name}`, budget, (ask) => findPolicy(ask, name))
  }

  return {
    readPolicy,

    async ensurePolicy({ name, document }, budget) {
      const live = await readPolicy(name, budget)
      if (canonicalText(live) === canonicalText(document)) return name
      const step = live === undefined ? `creating policy ${name}` : `restoring policy ${name}`
      // Every gateway hears of it, of a change as well.
      await write(step, budget, (ask) =>
        ask('PutPolicy', { name, content: JSON.stringify(document) })
      )
      return name
    },

    async deletePolicy(name, budget) {
      if ((await readPolicy(name, budget)) === undefined) return 'deleted'
      return write(`deleting policy ${name}`, budget, async (ask) => {
        // The filer would take it away from whoever has it.
        if (await isAttached(ask, name)) return 'attached'
        await ask('DeletePolicy', { name })
        return 'deleted'
      })
    },

    async listPolicies(budget) {
      return read('listing the policies', budget, async (ask) => {
        const { policies } = await ask<{ policies: { name: string }[] }>('ListPolicies', {})
        return policies.map(({ name }) => name)
      })
    }
  }
}

export function documentFrom(content: string): PolicyDocument {
  return JSON.parse(content)
}

async function findPolicy(ask: Ask, name: string): Promise<PolicyDocument | undefined> {
  const answer = await ask<{ content: string }>('GetPolicy', { name }).catch(missing)
  return answer && documentFrom(answer.content)
}

async function isAttached(ask: Ask, policyName: string): Promise<boolean> {
  const { identities, groups } = await configurationOf(ask)
  return (
    groups.some(({ policyNames }) => policyNames.includes(policyName)) ||
    identities.some((bytes) => new StoredIdentity(bytes).policyNames.includes(policyName))
  )
}
