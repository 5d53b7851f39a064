import t from 'tap'
import { ownBucketPolicy, type PolicyDocument } from '../../src/desired/access-policy.ts'
import { accessKeyFor } from '../../src/desired/credentials.ts'
import { findingsFor, holdsKeyOfOurs, type Identity } from '../../src/desired/identity.ts'
import { config, ROOT_KEY } from '../fixtures/builders.ts'

const USER = 'profile-team-a-7f0f8c1c'
const { profile: settings } = config()
const POLICY = ownBucketPolicy('profile-')
const EDITED: PolicyDocument = { Version: '2012-10-17', Statement: [] }
const idAt = (epoch: number) => accessKeyFor(Buffer.from(ROOT_KEY), USER, epoch).accessKeyId
const DOCUMENTS = new Map([
  [POLICY.name, POLICY.document],
  [`${POLICY.name}-2`, POLICY.document],
  [`${POLICY.name}-3`, EDITED]
])

function identity(overrides: Partial<Identity> = {}): Identity {
  const accessKeys = [{ accessKeyId: idAt(0), isActive: true }]
  return { accessKeys, policies: [POLICY.name], inlinePolicies: [], groups: [], ...overrides }
}

t.test('findingsFor', async (t) => {
  const key = (epoch: number, isActive = true) => ({ accessKeyId: idAt(epoch), isActive })
  const foreign = { accessKeyId: 'MADEBYATENANT', isActive: true }
  const table: [what: string, live: Identity, findings: string[]][] = [
    ['a user as it was left', identity(), []],
    ['a key in its grace', identity({ accessKeys: [key(0), key(7)] }), []],
    ['a key about to go', identity({ accessKeys: [key(0, false), key(7)] }), []],
    ['no key', identity({ accessKeys: [] }), ['missing-key']],
    ['a disabled key', identity({ accessKeys: [key(0), key(7, false)] }), ['disabled-key']],
    ['a key of its own making', identity({ accessKeys: [key(0), foreign] }), ['foreign-key']],
    ['only such a key', identity({ accessKeys: [foreign] }), ['missing-key', 'foreign-key']],
    ['no policy', identity({ policies: [] }), ['missing-policy']],
    ['the policy under its next name', identity({ policies: [`${POLICY.name}-2`] }), []],
    ['an edited policy', identity({ policies: [`${POLICY.name}-3`] }), ['edited-policy']],
    ['a policy that went away', identity({ policies: [`${POLICY.name}-4`] }), ['edited-policy']],
    [
      'an older version of the policy',
      identity({ policies: ['profile-own-bucket-00000000'] }),
      ['missing-policy']
    ],
    ['another policy', identity({ policies: [POLICY.name, 'admin'] }), ['foreign-policy']],
    ['an inline policy', identity({ inlinePolicies: ['mine'] }), ['foreign-policy']],
    ['a group', identity({ groups: ['mine'] }), ['foreign-policy']]
  ]
  for (const [what, live, findings] of table) {
    t.test(what, async (t) => {
      t.same(findingsFor(USER, live, POLICY, DOCUMENTS, settings), findings)
    })
  }

  t.test('a policy that nobody knows is not judged', async (t) => {
    const live = identity({ policies: [`${USER}-00000000`] })
    t.same(findingsFor(USER, live, undefined, DOCUMENTS, settings), [])
  })
})

t.test('holdsKeyOfOurs', async (t) => {
  t.ok(holdsKeyOfOurs(USER, identity(), settings))
  t.notOk(holdsKeyOfOurs('profile-team-b-7f0f8c1c', identity(), settings), 'a key of another user')
  const { profile: rotated } = config({
    CREDENTIAL_ROOT_KEY: 'another-root-key-of-32-bytes-or-more',
    CREDENTIAL_ROOT_KEY_PREVIOUS: ROOT_KEY
  })
  t.ok(holdsKeyOfOurs(USER, identity(), rotated), 'of the root key before')
})
