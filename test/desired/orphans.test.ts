import t from 'tap'
import { ownBucketPolicy, ownPrefixPolicy } from '../../src/desired/access-policy.ts'
import { accessKeyFor } from '../../src/desired/credentials.ts'
import type { Identity } from '../../src/desired/identity.ts'
import { livingFrom } from '../../src/desired/living.ts'
import {
  findOrphans,
  goMost,
  type Step,
  type Suspects,
  type SweepRules,
  suspectPoliciesAmong,
  suspectsAmong
} from '../../src/desired/orphans.ts'
import { planFor } from '../../src/desired/plan.ts'
import { config, profile, ROOT_KEY } from '../fixtures/builders.ts'
import { clusterOf, namespaceObject } from '../fixtures/kubectl.ts'

const OLD_ROOT_KEY = 'the-root-key-before-this-one-of-32-bytes'
const OTHER_ROOT_KEY = 'another-root-key-of-32-bytes-or-more'
const NOW = 1_800_000_000
const DAY = 86_400
const GONE = 'profile-team-gone-0123abcd'
const EARLIER = 'profile-team-a-0123abcd'

const settings = config({ CREDENTIAL_ROOT_KEY_PREVIOUS: OLD_ROOT_KEY }).profile
const living = livingFrom(clusterOf('team-a'), settings)
const alive = planFor(profile({ incarnation: 'profile-uid-of-team-a' }), settings).user

function key(user: string, isActive = true, rootKey = ROOT_KEY, epoch = 0) {
  return { accessKeyId: accessKeyFor(Buffer.from(rootKey), user, epoch).accessKeyId, isActive }
}

function holding(...accessKeys: Identity['accessKeys']): Identity {
  return { accessKeys, policies: [], inlinePolicies: [], groups: [] }
}

function bucket(name: string, createdAt = NOW - DAY) {
  return { name, createdAt, contents: '3 objects' }
}

function find(suspects: Partial<Suspects>, rules: Partial<SweepRules> = {}) {
  const all = { users: new Map(), policies: [], buckets: [], ...suspects }
  return findOrphans(all, { living, settings, deletesData: true, now: NOW, ...rules })
}

t.test('suspectsAmong', async (t) => {
  const names = [
    alive,
    GONE,
    EARLIER,
    'team-gone',
    'admin',
    'mlpipeline',
    'profile-team-gone',
    'profile-0123abcd',
    'other-team-gone-0123abcd',
    'profile-Team-0123abcd'
  ]
  t.same(suspectsAmong(names, living, settings), [GONE, EARLIER])
  const common = config({ BUCKET_NAME: GONE }).profile
  t.same(suspectsAmong(names, living, common), [EARLIER], 'never KFP’s own bucket')
})

t.test('suspectPoliciesAmong', async (t) => {
  const current = ownBucketPolicy('profile-').name
  const own = ownPrefixPolicy(GONE, 'mlpipeline', 'private-artifacts/team-gone/').name
  const suspects = [own, `${own}-2`, 'profile-own-bucket-0123abcd', 'profile-own-bucket-0123abcd-3']
  const others = [
    current,
    `${current}-2`,
    `${alive}-0123abcd`,
    GONE,
    'other-own-bucket-0123abcd',
    'KubeflowProjectteam-gone',
    'readonly'
  ]
  t.same(suspectPoliciesAmong([...others, ...suspects], living, settings), suspects)
})

t.test('a user', async (t) => {
  const table: [what: string, identity: Identity, step: Step, why: RegExp][] = [
    ['with its key', holding(key(GONE)), 'disable', /^has 1 active key$/],
    [
      'with a key of the root key before',
      holding(key(GONE, true, OLD_ROOT_KEY, 7)),
      'disable',
      /has 1 active key$/
    ],
    [
      'with a tenant’s beside it',
      holding(key(GONE, false), { accessKeyId: 'AKIA', isActive: true }),
      'disable',
      /1 active key$/
    ],
    ['with two', holding(key(GONE), key(GONE, true, ROOT_KEY, 7)), 'disable', /2 active keys$/],
    ['that is disabled', holding(key(GONE, false)), 'delete', /^is disabled$/],
    ['without a key', holding(), 'report', /^has no key that would show whose it is$/],
    [
      'of another root key',
      holding(key(GONE, true, OTHER_ROOT_KEY)),
      'report',
      /^has no key derived from our root key$/
    ],
    ['with the key of another', holding(key(EARLIER)), 'report', /no key derived from ours?/]
  ]
  for (const [what, identity, step, why] of table) {
    const found = find({ users: new Map([[GONE, identity]]) })
    t.match(found, [{ kind: 'user', name: GONE, namespace: 'team-gone', step, why }], what)
  }
})

t.test('a policy', async (t) => {
  const policies = [`${GONE}-89abcdef`]
  const table: [what: string, users: [string, Identity][], step: Step, why: RegExp][] = [
    ['without a user', [], 'delete', /^has no user$/],
    ['beside another', [[EARLIER, holding(key(EARLIER))]], 'delete', /^has no user$/],
    ['whose user is disabled now', [[GONE, holding(key(GONE))]], 'wait', /^goes after its user$/],
    ['whose user goes', [[GONE, holding(key(GONE, false))]], 'delete', /^goes after its user$/],
    ['of one who may not be ours', [[GONE, holding()]], 'report', /^its user may not be ours$/]
  ]
  for (const [what, users, step, why] of table) {
    const found = find({ users: new Map(users), policies })
    t.match(found.at(-1), { kind: 'policy', namespace: 'team-gone', step, why }, what)
  }
  const users = new Map([[EARLIER, holding(key(EARLIER, true, OTHER_ROOT_KEY))]])
  const strangers = 'users beside it may not be ours'
  t.match(find({ users, policies }).at(-1), { step: 'report', why: `has no user; ${strangers}` })

  const ofAll = ['profile-own-bucket-0123abcd']
  t.match(find({ policies: ofAll }), [
    { kind: 'policy', namespace: undefined, step: 'delete', why: 'is an earlier version' }
  ])
  t.match(find({ users, policies: ofAll })[0], {
    step: 'report',
    why: `is an earlier version; ${strangers}`
  })
})

t.test('a bucket', async (t) => {
  const users = (identity: Identity, name = GONE) => new Map([[name, identity]])
  const stranger = holding(key(EARLIER, true, OTHER_ROOT_KEY))
  const disabled = users(holding(key(GONE, false)))
  const active = users(holding(key(GONE)))
  const young = [bucket(GONE, NOW - DAY + 1)]
  const keeping = { deletesData: false }
  const cases: [string, Partial<Suspects>, Partial<SweepRules>, step: Step, why: RegExp][] = [
    ['without --data', {}, keeping, 'keep', /; only --data deletes it$/],
    ['of a disabled user', { users: disabled }, keeping, 'keep', /only --data/],
    ['without a user', {}, {}, 'delete', /^3 objects; has no user$/],
    ['whose user goes', { users: disabled }, {}, 'delete', /goes after its user$/],
    ['whose user is disabled now', { users: active }, {}, 'wait', /goes after its user$/],
    ['that was just made', { buckets: young }, {}, 'wait', /less than a day old$/],
    [
      'whose age nobody says',
      { buckets: [{ ...bucket(GONE), createdAt: undefined }] },
      {},
      'wait',
      /less than/
    ],
    ['of one who may not be ours', { users: users(holding()) }, {}, 'report', /its user may not/],
    [
      'beside strangers',
      { users: users(stranger, EARLIER) },
      {},
      'report',
      /has no user; users beside it may not be ours$/
    ],
    [
      'beside strangers, kept',
      { users: users(stranger, EARLIER) },
      keeping,
      'report',
      /users beside it may not be ours$/
    ],
    ['beside a user without a key', { users: users(holding(), EARLIER) }, {}, 'delete', /no user$/]
  ]
  for (const [what, suspects, rules, step, why] of cases) {
    const found = find({ buckets: [bucket(GONE)], ...suspects }, rules)
    t.match(found.at(-1), { kind: 'bucket', name: GONE, namespace: 'team-gone', step, why }, what)
  }
})

t.test('what was left behind is told by profile, in the order in which it goes', async (t) => {
  const found = find({
    users: new Map([EARLIER, GONE].map((user) => [user, holding(key(user, false))])),
    policies: [`${GONE}-89abcdef`, 'profile-own-bucket-0123abcd', `${EARLIER}-89abcdef`],
    buckets: [bucket(GONE), bucket(EARLIER)]
  })
  t.same(
    found.map(({ namespace, kind, livesAgain }) => [namespace, kind, livesAgain]),
    [
      [undefined, 'policy', false],
      ['team-a', 'user', true],
      ['team-a', 'policy', true],
      ['team-a', 'bucket', true],
      ['team-gone', 'user', false],
      ['team-gone', 'policy', false],
      ['team-gone', 'bucket', false]
    ]
  )
})

t.test('goMost', async (t) => {
  const users = (...identities: Identity[]) =>
    find({
      users: new Map(
        identities.map((identity, life) => [`profile-team-a-0000000${life}`, identity])
      )
    })
  const ours = [0, 1, 2].map((life) => holding(key(`profile-team-a-0000000${life}`, life > 0)))
  t.notOk(goMost([], 'user', 0), 'nothing goes')
  t.ok(goMost(users(...ours), 'user', 3), 'half')
  t.notOk(goMost(users(...ours), 'user', 4), 'less than half')
  t.notOk(goMost(users(holding(), holding()), 'user', 0), 'what is only told goes nowhere')
  t.notOk(goMost(users(...ours), 'bucket', 0), 'of another kind')
  const buckets = [bucket(GONE), bucket(EARLIER, NOW)]
  t.ok(goMost(find({ buckets }), 'bucket', 2), 'what waits goes too')
  t.notOk(goMost(find({ buckets }, { deletesData: false }), 'bucket', 0), 'what is kept does not')
})

t.test(
  'a user of a settling profile may have its grace, and what is its waits with it',
  async (t) => {
    const annotations = {
      'pipelines.kubeflow.org/credentials-settling-until': '2026-01-31T12:00:00Z'
    }
    const settling = livingFrom(
      [...clusterOf(), namespaceObject('team-a', { annotations })],
      settings
    )
    const suspects = {
      users: new Map([[EARLIER, holding(key(EARLIER))]]),
      policies: [`${EARLIER}-89abcdef`],
      buckets: [bucket(EARLIER)]
    }
    t.match(find(suspects, { living: settling }), [
      { kind: 'user', step: 'wait', why: /its profile is settling$/ },
      { kind: 'policy', step: 'wait' },
      { kind: 'bucket', step: 'wait' }
    ])
  }
)
