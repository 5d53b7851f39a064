import t from 'tap'
import {
  commonBucketStatements,
  isPolicyOf,
  ownBucketPolicy,
  ownPrefixPolicy,
  type Statement
} from '../../src/desired/access-policy.ts'
import { mergedBucketPolicy } from '../../src/desired/bucket-policy.ts'
import { syncPyStatements } from '../fixtures/sync-py.ts'

const USER = 'profile-team-a-01234567'
/** How policies spell the name of whoever asks. */
const USERNAME = `\${aws:username}`

const OURS = commonBucketStatements('mlpipeline', 'profile-')
const SYNC_PYS = { Version: '2012-10-17', Statement: syncPyStatements('mlpipeline') }

t.test('ownBucketPolicy', async (t) => {
  t.test('opens the bucket that is named like the user, and nothing else', async (t) => {
    t.strictSame(ownBucketPolicy('profile-'), {
      name: 'profile-own-bucket-d3d046ef',
      document: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Deny',
            Action: ['s3:*'],
            Resource: [`arn:aws:s3:::${USERNAME}/*`],
            Condition: { Null: { 's3:prefix': 'false' } }
          },
          {
            Effect: 'Allow',
            Action: [
              's3:GetObject',
              's3:PutObject',
              's3:DeleteObject',
              's3:GetObjectTagging',
              's3:PutObjectTagging',
              's3:DeleteObjectTagging'
            ],
            Resource: [`arn:aws:s3:::${USERNAME}/*`]
          },
          {
            Effect: 'Allow',
            Action: ['s3:ListBucket', 's3:GetBucketLocation'],
            Resource: [`arn:aws:s3:::${USERNAME}`]
          }
        ]
      }
    })
  })

  t.test('is named by installation and content', async (t) => {
    const [ours, theirs] = [ownBucketPolicy('profile-'), ownBucketPolicy('kf-')]
    t.match(theirs.name, /^kf-own-bucket-[0-9a-f]{8}$/)
    t.strictSame(theirs.document, ours.document)
    t.equal(theirs.name.slice(-8), ours.name.slice(-8), 'the same content has the same version')
  })
})

t.test('ownPrefixPolicy', async (t) => {
  const policy = ownPrefixPolicy(USER, 'mlpipeline', 'private-artifacts/team-a/')

  t.test('opens the profile’s own prefix of the common bucket, and nothing else', async (t) => {
    t.strictSame(policy, {
      name: 'profile-team-a-01234567-10281156',
      document: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: [
              's3:GetObject',
              's3:PutObject',
              's3:DeleteObject',
              's3:GetObjectTagging',
              's3:PutObjectTagging',
              's3:DeleteObjectTagging'
            ],
            Resource: ['arn:aws:s3:::mlpipeline/private-artifacts/team-a/*']
          },
          {
            Effect: 'Allow',
            Action: ['s3:ListBucket'],
            Resource: ['arn:aws:s3:::mlpipeline'],
            Condition: { StringLike: { 's3:prefix': ['private-artifacts/team-a/*'] } }
          },
          {
            Effect: 'Allow',
            Action: ['s3:GetBucketLocation'],
            Resource: ['arn:aws:s3:::mlpipeline']
          }
        ]
      }
    })
  })

  t.test('has another name with other content', async (t) => {
    const names = [
      policy.name,
      ownPrefixPolicy(USER, 'pipelines', 'private-artifacts/team-a/').name,
      ownPrefixPolicy(USER, 'mlpipeline', 'private-artifacts/team-b/').name
    ]
    t.equal(new Set(names).size, 3)
    for (const name of names) t.equal(isPolicyOf(USER, name), true, name)
  })
})

t.test('commonBucketStatements', async (t) => {
  t.test('forbid prefix promotion and let our users ask for the bucket', async (t) => {
    t.strictSame(commonBucketStatements('mlpipeline', 'profile-'), [
      {
        Sid: 'DenyPrefixPromotion',
        Effect: 'Deny',
        Principal: '*',
        Action: ['s3:*'],
        Resource: ['arn:aws:s3:::mlpipeline/*'],
        Condition: { Null: { 's3:prefix': 'false' } }
      },
      {
        Sid: 'ProfileHeadBucket',
        Effect: 'Allow',
        Principal: '*',
        Action: ['s3:ListBucket'],
        Resource: ['arn:aws:s3:::mlpipeline'],
        Condition: {
          StringEquals: { 's3:RequestMethod': 'HEAD' },
          StringLike: { 'aws:username': ['profile-*'] }
        }
      }
    ])
  })
})

t.test('every document', async (t) => {
  const documents: [what: string, statements: readonly Statement[]][] = [
    ['per-profile policy', ownBucketPolicy('profile-').document.Statement],
    ['own prefix policy', ownPrefixPolicy(USER, 'mlpipeline', 'p/').document.Statement],
    ['common bucket', OURS],
    ['merged with sync.py’s', mergedBucketPolicy(SYNC_PYS, 'mlpipeline', OURS).Statement]
  ]
  for (const [what, statements] of documents) {
    const allows = statements.filter(({ Effect }) => Effect === 'Allow')

    t.test(`allows exact actions only (${what})`, async (t) => {
      t.ok(allows.length > 0)
      const actions = allows.flatMap(({ Action = [] }) => Action)
      for (const action of actions) t.match(action, /^s3:[A-Za-z]+$/)
    })

    t.test(`names resources and never all of them (${what})`, async (t) => {
      for (const { Resource = [] } of statements) {
        for (const resource of [Resource].flat()) t.match(resource, /^arn:aws:s3:::[^*]/)
      }
    })

    t.test(`lets nobody in without a user name (${what})`, async (t) => {
      for (const { Principal, Condition } of allows) {
        if (Principal !== undefined) t.ok(Condition?.['StringLike']?.['aws:username'])
      }
    })
  }
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
