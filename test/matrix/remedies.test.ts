import t from 'tap'
import { ATTACKS } from '../../src/matrix/attacks.ts'
import { remedyFor } from '../../src/matrix/remedies.ts'

t.test('every group has a remedy for a hole', async (t) => {
  const groups = [...new Set(ATTACKS.map(({ group }) => group))]
  const remedies: [remedy: RegExp, groups: string[]][] = [
    [/SeaweedFS 4\.48 or newer/, ['list markers']],
    [
      /-iam=false/,
      ['identities, read', 'identities, written', 'identities, without a name', 'session tokens']
    ],
    [
      /the policy and the ACL of the bucket/,
      ['objects, unsigned', 'listings, unsigned', 'shared areas']
    ],
    [
      /DenyPrefixPromotion/,
      [
        ...['read', 'written', 'deleted'].map((how) => `configuration of buckets, ${how}`),
        'deletion of buckets'
      ]
    ],
    [/policies attached to the user/, ['their objects']]
  ]
  for (const [remedy, named] of remedies) {
    for (const group of named) {
      t.ok(groups.includes(group), `there is a group ${group}`)
      t.match(remedyFor(group, 'hole'), remedy)
    }
  }
  for (const group of groups) t.ok(remedyFor(group, 'hole').length > 0, group)
})

t.test('what is broken and what showed nothing have remedies of their own', async (t) => {
  t.match(remedyFor('legitimate', 'broken'), /Deny of somebody else’s/)
  t.match(remedyFor('list markers', 'inconclusive'), /run it again/)
})
