import t from 'tap'
import type { Identity } from '../../src/desired/identity.ts'
import { inlinePoliciesFrom, isAdminKey, isSyncPys } from '../../src/desired/takeover.ts'

const ADMIN = 'ADMINACCESSKEY'

function identity(overrides: Partial<Identity> = {}): Identity {
  return {
    accessKeys: [{ accessKeyId: 'DRAWN', isActive: true }],
    policies: [],
    inlinePolicies: ['KubeflowProjectteam-a'],
    groups: [],
    ...overrides
  }
}

t.test('isSyncPys', async (t) => {
  const table: [what: string, live: Identity, isIts: boolean][] = [
    ['what sync.py made', identity(), true],
    ['a user whose keys are gone', identity({ accessKeys: [] }), true],
    ['a user without any policy', identity({ inlinePolicies: [] }), false],
    ['a user that has nothing', identity({ inlinePolicies: [], accessKeys: [] }), false],
    [
      'a user that has nothing but a group',
      identity({ inlinePolicies: [], accessKeys: [], groups: ['ours'] }),
      false
    ],
    ['another project’s policy', identity({ inlinePolicies: ['KubeflowProjectteam-b'] }), false],
    [
      'one more inline policy',
      identity({ inlinePolicies: ['KubeflowProjectteam-a', 'mine'] }),
      false
    ],
    ['an attached policy', identity({ policies: ['mine'] }), false],
    ['a group', identity({ groups: ['ours'] }), false],
    [
      'the admin, whom sync.py caught',
      identity({ accessKeys: [{ accessKeyId: ADMIN, isActive: true }] }),
      false
    ],
    [
      'the admin with a second key',
      identity({
        accessKeys: [
          { accessKeyId: 'DRAWN', isActive: true },
          { accessKeyId: ADMIN, isActive: false }
        ]
      }),
      false
    ],
    [
      'MinIO’s admin of old',
      identity({ accessKeys: [{ accessKeyId: 'minio', isActive: true }] }),
      false
    ]
  ]
  for (const [what, live, isIts] of table) {
    t.test(`${what}: ${isIts ? 'may go' : 'is never touched'}`, async (t) => {
      t.equal(isSyncPys('team-a', live, ADMIN), isIts)
    })
  }
})

t.test('isAdminKey', async (t) => {
  t.ok(isAdminKey(ADMIN, ADMIN))
  t.ok(isAdminKey('minio', ADMIN))
  t.notOk(isAdminKey('DRAWN', ADMIN))
})

t.test('inlinePoliciesFrom', async (t) => {
  const folders = ['artifacts', 'private-artifacts/team-a', 'private/team-a', 'shared']
  const syncPys = folders.flatMap((folder) => [
    `Read:mlpipeline/${folder}/*`,
    `Write:mlpipeline/${folder}/*`
  ])
  const table: [what: string, actions: string[], names: string[]][] = [
    ['nothing', [], []],
    ['what sync.py grants', syncPys, ['KubeflowProjectteam-a']],
    ['more than that', [...syncPys, 'Admin'], ['team-a_policy']],
    ['only a folder that anybody may have', ['Read:datasets/shared/*'], ['team-a_policy']],
    [
      'the same folder of another bucket as well',
      [...syncPys, 'Read:datasets/shared/*'],
      ['team-a_policy']
    ],
    ['another profile’s', ['Read:mlpipeline/private/team-b/*'], ['team-a_policy']],
    ['a whole bucket', ['Read:mlpipeline'], ['team-a_policy']]
  ]
  for (const [what, actions, names] of table) {
    t.strictSame(inlinePoliciesFrom('team-a', actions), names, what)
  }
})
