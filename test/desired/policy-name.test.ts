import t from 'tap'
import { ownBucketPolicy } from '../../src/desired/access-policy.ts'
import {
  isOwnBucketPolicy,
  isPolicyOf,
  namesFor,
  policyNameFor,
  stemOfPolicy
} from '../../src/desired/policy-name.ts'

const USER = 'profile-team-a-01234567'

t.test('policyNameFor names owner and content, however the content is ordered', async (t) => {
  const name = policyNameFor(USER, { Version: '2012-10-17', Statement: [] })
  t.match(name, new RegExp(`^${USER}-[0-9a-f]{8}$`))
  t.equal(policyNameFor(USER, { Statement: [], Version: '2012-10-17' }), name)
  t.not(policyNameFor(USER, { Version: '2012-10-17', Statement: [{}] }), name)
})

t.test('namesFor gives nine names, all of the same owner', async (t) => {
  const names = namesFor(`${USER}-89abcdef`)
  t.strictSame(
    [names[0], names[1], names[8]],
    [`${USER}-89abcdef`, `${USER}-89abcdef-2`, `${USER}-89abcdef-9`]
  )
  t.equal(names.length, 9)
  t.strictSame(names.map(stemOfPolicy), Array(9).fill(USER))
})

t.test('isPolicyOf', async (t) => {
  const table: [policyName: string, isOwn: boolean][] = [
    [`${USER}-89abcdef`, true],
    [USER, false],
    [`${USER}-`, false],
    [`${USER}-89abcde`, false],
    [`${USER}-89abcdef0`, false],
    [`${USER}-89ABCDEF`, false],
    [`x${USER}-89abcdef`, false],
    [`${USER}-89abcdef-1`, false],
    [`${USER}-89abcdef-10`, false],
    [`${USER}-89abcdef\n`, false],
    [`${USER}-89abcdef-89abcdef`, false],
    ['profile-team-b-01234567-89abcdef', false],
    [ownBucketPolicy('profile-').name, false],
    ['KubeflowProjectteam-a', false]
  ]
  for (const [policyName, isOwn] of table) {
    t.test(`${JSON.stringify(policyName)} ${isOwn ? 'is' : 'is not'} the user’s own`, async (t) => {
      t.equal(isPolicyOf(USER, policyName), isOwn)
    })
  }
})

t.test('isOwnBucketPolicy knows the policy of its own installation only', async (t) => {
  const { name } = ownBucketPolicy('profile-')
  t.strictSame(
    namesFor(name).map((each) => isOwnBucketPolicy('profile-', each)),
    Array(9).fill(true)
  )
  t.notOk(isOwnBucketPolicy('other-', name))
  t.notOk(isOwnBucketPolicy('profile-', 'profile-own-bucket'))
})
