import t from 'tap'
import { digestOf } from '../../src/desired/credentials.ts'
import { StoredIdentity } from '../../src/object-store/stored-identity.ts'
import { identityBytes, text } from '../fixtures/stub-filer.ts'

/** One of each kind that the wire knows: a number, eight bytes, four bytes, a long text. */
const FOREIGN = [
  Buffer.from([0x98, 0x06, 0xac, 0x02]),
  Buffer.from([0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8]),
  Buffer.from([0xad, 0x06, 1, 2, 3, 4]),
  text(9, 'a tag of somebody else '.repeat(9))
]
const USER = {
  name: 'user-a',
  keys: [
    ['KEY1', 'secret-of-key-1', 'Active'],
    ['KEY2', 'secret-of-key-2', 'Inactive'],
    ['KEY3', 'secret-of-key-3', '']
  ],
  actions: ['Admin'],
  serviceAccountIds: ['sa:user-a:1'],
  policyNames: ['policy-a', 'policy-b'],
  foreign: FOREIGN
} as const

t.test('StoredIdentity', async (t) => {
  const stored = new StoredIdentity(identityBytes(USER))

  t.test('reads what the filer sends', async (t) => {
    t.equal(stored.name, 'user-a')
    t.strictSame(stored.serviceAccountIds, ['sa:user-a:1'])
    t.strictSame(stored.toIdentity(['group-a']), {
      policies: ['policy-a', 'policy-b'],
      accessKeys: [
        { accessKeyId: 'KEY1', isActive: true },
        { accessKeyId: 'KEY2', isActive: false },
        { accessKeyId: 'KEY3', isActive: true }
      ],
      inlinePolicies: ['user-a_policy'],
      groups: ['group-a']
    })
    t.equal(stored.secretDigests().get('KEY2'), digestOf('secret-of-key-2'))
  })

  t.test('of nobody', async (t) => {
    const nobody = new StoredIdentity(Buffer.alloc(0))
    t.equal(nobody.name, '')
    const nothing = { policies: [], accessKeys: [], inlinePolicies: [], groups: [] }
    t.strictSame(nobody.toIdentity([]), nothing)
  })

  t.test('takes no key of a disabled user for active', async (t) => {
    const { accessKeys } = new StoredIdentity(
      identityBytes({ ...USER, isDisabled: true })
    ).toIdentity([])
    t.notOk(accessKeys.some(({ isActive }) => isActive))
  })

  t.test('changes what is to be changed and gives the rest back as it came', async (t) => {
    const { bytes } = stored.withPolicyAlone('policy-c')
    const wanted = { ...USER, actions: [], policyNames: ['policy-c'] }
    const sorted = (fields: Buffer) => [...fields].sort((a, b) => a - b)
    t.strictSame(sorted(bytes), sorted(identityBytes(wanted)))
    t.strictSame(new StoredIdentity(bytes).policyNames, ['policy-c'])

    const inactive = stored.withInactiveKey('KEY1')
    t.strictSame(
      inactive.toIdentity([]).accessKeys.map(({ isActive }) => isActive),
      [false, false, true]
    )
    for (const each of FOREIGN) {
      t.equal(
        inactive.bytes.toString('latin1').split(each.toString('latin1')).length,
        5,
        'user, keys'
      )
    }
    const disabled = new StoredIdentity(identityBytes({ ...USER, isDisabled: true }))
    t.strictSame(
      disabled
        .withActiveKey('KEY2')
        .toIdentity([])
        .accessKeys.map(({ isActive }) => isActive),
      [true, true, true]
    )
    t.ok(stored.withInactiveKey('KEY9').bytes.equals(stored.bytes))
  })
})
