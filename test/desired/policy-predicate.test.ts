import t from 'tap'
import type { Statement } from '../../src/desired/access-policy.ts'
import { type AccessRequest, type Engine, isAllowed } from '../../src/desired/policy-predicate.ts'

const USER = 'profile-team-a-01234567'
/** How policies spell the name of whoever asks. */
const USERNAME = `\${aws:username}`

t.test('isAllowed', async (t) => {
  const GET_OBJECT = { user: USER, action: 's3:GetObject', method: 'GET', bucket: 'b', key: 'a/k' }
  const LIST = { user: USER, action: 's3:ListBucket', method: 'GET', bucket: 'b' }
  const allow = (rest: Partial<Statement> = {}): Statement => ({
    Effect: 'Allow',
    Action: ['s3:GetObject', 's3:ListBucket'],
    Resource: ['arn:aws:s3:::b', 'arn:aws:s3:::b/*'],
    ...rest
  })
  const deny = (rest: Partial<Statement> = {}): Statement => ({ ...allow(rest), Effect: 'Deny' })

  function says(
    own: readonly Statement[],
    request: AccessRequest,
    bucket: readonly Statement[] = [],
    engine?: Engine
  ): boolean {
    return isAllowed({ own, bucket }, request, engine)
  }

  const precedence: [what: string, own: Statement[], bucket: Statement[], isAllowed: boolean][] = [
    ['nothing allows it', [], [], false],
    ['the user’s own policy allows it', [allow()], [], true],
    ['the user’s own policy allows and denies it', [allow(), deny()], [], false],
    ['the bucket allows it, whatever the user may', [], [allow({ Principal: '*' })], true],
    ['the bucket denies it, whatever the user may', [allow()], [deny({ Principal: '*' })], false],
    ['the bucket allows and denies it', [allow()], [allow(), deny()], false]
  ]
  for (const [what, own, bucket, expected] of precedence) {
    t.test(`${expected ? 'yes' : 'no'} where ${what}`, async (t) => {
      t.equal(says(own, GET_OBJECT, bucket), expected)
    })
  }

  const targets: [statement: Partial<Statement>, request: AccessRequest, isAllowed: boolean][] = [
    [{ Action: 's3:GetObject' }, GET_OBJECT, true],
    [{ Action: 's3:PutObject' }, GET_OBJECT, false],
    [{ Action: 's3:Get*' }, GET_OBJECT, true],
    [{ Action: 's3:GetObject' }, { ...GET_OBJECT, action: 's3:GetObjectTagging' }, false],
    [{ Resource: 'arn:aws:s3:::b' }, GET_OBJECT, false],
    [{ Resource: 'arn:aws:s3:::b/*' }, LIST, false],
    [{ Resource: 'arn:aws:s3:::b/a/k' }, GET_OBJECT, true],
    [{ Resource: 'arn:aws:s3:::b/a/' }, GET_OBJECT, false],
    [{ Resource: 'arn:aws:s3:::b/A/*' }, GET_OBJECT, false],
    [{ Resource: 'arn:aws:s3:::b/?/k' }, GET_OBJECT, true],
    [{ Resource: 'arn:aws:s3:::b/a.k' }, GET_OBJECT, false],
    [{ Resource: `arn:aws:s3:::b/${USERNAME}/*` }, { ...GET_OBJECT, key: `${USER}/k` }, true],
    [{ Resource: `arn:aws:s3:::b/${USERNAME}/*` }, { ...GET_OBJECT, key: `${USER}-2/k` }, false]
  ]
  for (const [statement, request, expected] of targets) {
    const { action, key } = request
    t.test(`${JSON.stringify(statement)}, ${action} ${key}: ${expected}`, async (t) => {
      t.equal(says([allow(statement)], request), expected)
    })
  }

  const BOTH = { 'policy-engine': true, 'iam-manager': true }
  const NEITHER = { 'policy-engine': false, 'iam-manager': false }
  const ONLY_POLICY_ENGINE = { 'policy-engine': true, 'iam-manager': false }
  const ONLY_IAM_MANAGER = { 'policy-engine': false, 'iam-manager': true }
  const withPrefix = (prefix: string) => ({ ...LIST, prefix })
  const conditions: [
    NonNullable<Statement['Condition']>,
    AccessRequest,
    Record<Engine, boolean>
  ][] = [
    [{ StringEquals: { 's3:prefix': ['a/', 'b/'] } }, withPrefix('b/'), BOTH],
    [{ StringEquals: { 's3:prefix': 'a*' } }, withPrefix('a/'), NEITHER],
    [{ StringLike: { 's3:prefix': 'a/*' } }, withPrefix('a/b'), BOTH],
    [{ StringLike: { 's3:prefix': 'a/*' } }, withPrefix('a'), NEITHER],
    [{ StringLike: { 's3:prefix': 'a/*' } }, withPrefix(''), NEITHER],
    [{ StringLike: { 's3:prefix': 'a/*' } }, LIST, NEITHER],
    [{ StringLike: { 's3:prefix': '*' } }, LIST, ONLY_IAM_MANAGER],
    [{ StringEquals: { 's3:prefix': '' } }, withPrefix(''), ONLY_IAM_MANAGER],
    [{ Null: { 's3:prefix': 'true' } }, LIST, ONLY_POLICY_ENGINE],
    [{ Null: { 's3:prefix': 'true' } }, withPrefix('a'), NEITHER],
    [{ Null: { 's3:prefix': 'false' } }, LIST, ONLY_IAM_MANAGER],
    [{ Null: { 's3:prefix': 'false' } }, withPrefix('a'), BOTH],
    [{ Null: { 's3:prefix': 'true' } }, { ...LIST, method: 'HEAD' }, BOTH],
    [{ Null: { 's3:prefix': 'false' } }, { ...GET_OBJECT, prefix: 'a' }, ONLY_POLICY_ENGINE],
    [{ StringEquals: { 's3:delimiter': '/' } }, { ...LIST, delimiter: '/' }, ONLY_POLICY_ENGINE],
    [{ StringEquals: { 's3:delimiter': '/' } }, LIST, NEITHER],
    [{ StringEquals: { 's3:RequestMethod': 'GET' } }, LIST, ONLY_POLICY_ENGINE],
    [{ StringLike: { 'aws:username': 'profile-*' } }, LIST, BOTH],
    [{ StringEquals: { 'aws:username': USERNAME } }, LIST, BOTH],
    [
      { StringLike: { 'aws:username': 'profile-*', 's3:prefix': 'a*' }, Null: {} },
      withPrefix('b'),
      NEITHER
    ]
  ]
  for (const [Condition, request, expected] of conditions) {
    const asked = `${request.action} ${JSON.stringify(request.prefix)}`
    for (const engine of ['policy-engine', 'iam-manager'] as const) {
      t.test(`${JSON.stringify(Condition)}, ${asked}, ${engine}`, async (t) => {
        t.equal(says([allow({ Condition })], request, [], engine), expected[engine])
      })
    }
  }

  t.test('the IAM manager ignores the case of objects', async (t) => {
    const own = [allow({ Resource: 'arn:aws:s3:::b/A/*' })]
    t.equal(says(own, GET_OBJECT, [], 'iam-manager'), true)
    t.equal(says(own, GET_OBJECT, [], 'policy-engine'), false)
  })

  const NOT_OURS: [what: string, own: object, bucket: object[], message: RegExp][] = [
    ['an unknown operator', { Condition: { StringNotLike: { 's3:prefix': 'a' } } }, [], /operator/],
    ['an unknown key', { Condition: { Null: { 'aws:SourceIp': 'true' } } }, [], /condition key/],
    ['an unknown variable', { Resource: `arn:aws:s3:::b/\${aws:userid}` }, [], /variable/],
    ['an unknown element', { NotResource: 'arn:aws:s3:::c' }, [], /statement/],
    ['no action', { Action: undefined }, [], /statement/],
    ['no resource', { Resource: undefined }, [], /statement/],
    ['a bucket that names a principal', {}, [allow({ Principal: { AWS: '*' } })], /principal/],
    ['a bucket that allows what the user’s own policy denies', deny(), [allow()], /versions/]
  ]
  for (const [what, own, bucket, message] of NOT_OURS) {
    t.test(`does not guess about ${what}`, async (t) => {
      const statement = { ...allow(), ...own } as Statement
      t.throws(() => says([statement], GET_OBJECT, bucket as Statement[]), message)
    })
  }

  t.test('does not guess what the IAM manager reads into a bucket’s policy', async (t) => {
    const bucket = [allow({ Condition: { Null: { 's3:prefix': 'false' } } })]
    t.throws(() => says([], LIST, bucket, 'iam-manager'), /versions/)
    t.equal(says([], LIST, bucket), false)
  })
})
