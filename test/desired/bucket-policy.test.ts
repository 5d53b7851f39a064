import t from 'tap'
import {
  commonBucketStatements,
  type PolicyDocument,
  type Statement
} from '../../src/desired/access-policy.ts'
import { isOurs, mergedBucketPolicy } from '../../src/desired/bucket-policy.ts'
import { syncPyStatements } from '../fixtures/sync-py.ts'

/** How policies spell the name of whoever asks. */
const USERNAME = `\${aws:username}`

const SYNC_PYS = syncPyStatements('mlpipeline')

const LEGACY_LIST: Statement = {
  Sid: 'LegacyProfileOwnPrefixList',
  Effect: 'Allow',
  Principal: '*',
  Action: ['s3:ListBucket'],
  Resource: ['arn:aws:s3:::mlpipeline'],
  Condition: {
    StringLike: { 'aws:username': ['*'], 's3:prefix': [`private-artifacts/${USERNAME}/*`] }
  }
}

const FOREIGN: Statement = {
  Sid: 'Backup',
  Effect: 'Allow',
  Principal: { AWS: 'arn:aws:iam:::user/backup' },
  Action: 's3:GetObject',
  Resource: 'arn:aws:s3:::mlpipeline/*'
}

const OURS = commonBucketStatements('mlpipeline', 'profile-')
const BROWSABLE = commonBucketStatements('mlpipeline', 'profile-', true)

function policyWith(...statements: Statement[]): PolicyDocument {
  return { Version: '2012-10-17', Statement: statements }
}

t.test('mergedBucketPolicy', async (t) => {
  const merged = (live: PolicyDocument | undefined, ours = OURS) =>
    mergedBucketPolicy(live, 'mlpipeline', ours)
  const withoutSid: Statement = { Effect: 'Deny', Principal: '*', Action: 's3:PutBucketAcl' }
  const stale: Statement[] = OURS.map((statement) => ({ ...statement, Action: ['s3:GetObject'] }))

  const merges: [what: string, live: PolicyDocument | undefined, expected: PolicyDocument][] = [
    ['starts a policy where there is none', undefined, policyWith(...OURS)],
    ['fills an empty one', policyWith(), policyWith(...OURS)],
    [
      'keeps foreign statements, with and without a Sid',
      policyWith(FOREIGN, withoutSid),
      policyWith(FOREIGN, withoutSid, ...OURS)
    ],
    ['replaces ours by Sid', policyWith(...stale, FOREIGN, ...stale), policyWith(FOREIGN, ...OURS)],
    [
      'takes back what is not wanted any more',
      policyWith(...BROWSABLE, FOREIGN),
      policyWith(FOREIGN, ...OURS)
    ],
    [
      'replaces sync.py’s four, and lets its users list their own prefix',
      policyWith(...SYNC_PYS, FOREIGN),
      policyWith(FOREIGN, ...OURS, LEGACY_LIST)
    ],
    [
      'keeps the listing of sync.py’s users on later merges',
      policyWith(FOREIGN, ...OURS, LEGACY_LIST),
      policyWith(FOREIGN, ...OURS, LEGACY_LIST)
    ],
    [
      'restores the listing of sync.py’s users when it was edited',
      policyWith({ ...LEGACY_LIST, Condition: {} }),
      policyWith(...OURS, LEGACY_LIST)
    ]
  ]
  for (const [what, live, expected] of merges) {
    t.test(what, async (t) => {
      const once = merged(live)
      t.strictSame(once, expected)
      t.strictSame(merged(once), once, 'and settles at once')
    })
  }

  for (const statement of SYNC_PYS) {
    t.test(`replaces sync.py’s ${statement.Sid} alone`, async (t) => {
      t.strictSame(merged(policyWith(statement)), policyWith(...OURS, LEGACY_LIST))
    })
  }

  t.test('reads a single statement that is not in an array', async (t) => {
    const collapsed = { Version: '2012-10-17', Statement: FOREIGN } as unknown as PolicyDocument
    t.strictSame(merged(collapsed), policyWith(FOREIGN, ...OURS))
  })

  t.test('writes the version of the language that knows variables', async (t) => {
    const old = { Version: '2008-10-17', Statement: [FOREIGN] }
    t.equal(merged(old).Version, '2012-10-17')
  })

  t.test('keeps what else stands in the policy', async (t) => {
    const live = { Version: '2008-10-17', Id: 'of-the-operator', Statement: [FOREIGN] }
    const once = merged(live)
    t.strictSame(once, {
      Version: '2012-10-17',
      Id: 'of-the-operator',
      Statement: [FOREIGN, ...OURS]
    })
    t.strictSame(merged(once), once, 'and settles at once')
  })

  t.test('leaves the live policy as it was', async (t) => {
    const live = policyWith(...SYNC_PYS, FOREIGN)
    const before = structuredClone(live)
    merged(live)
    t.strictSame(live, before)
  })

  t.test('keeps what is there when we have nothing to say', async (t) => {
    t.strictSame(merged(policyWith(FOREIGN), []), policyWith(FOREIGN))
    t.strictSame(merged(undefined, []), policyWith())
  })
})

t.test('isOurs', async (t) => {
  const [deny] = OURS as [Statement]
  const table: [what: string, live: PolicyDocument | undefined, isOurs: boolean][] = [
    ['no policy', undefined, false],
    ['an empty one', policyWith(), false],
    ['somebody else’s', policyWith(FOREIGN), false],
    ['sync.py’s', policyWith(...SYNC_PYS), false],
    ['what we write', policyWith(...OURS), true],
    ['what is left of it', policyWith(FOREIGN, { ...deny, Action: 's3:GetObject' }), true],
    ['one statement without a list', { ...policyWith(), Statement: deny as never }, true]
  ]
  for (const [what, live, expected] of table) {
    t.test(`${what}: ${expected}`, async (t) => {
      t.equal(isOurs(live), expected)
    })
  }
})
