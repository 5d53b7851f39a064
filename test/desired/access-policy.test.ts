import fc from 'fast-check'
import t from 'tap'
import {
  BUCKET_SIDS,
  commonBucketStatements,
  ownBucketPolicy,
  ownPrefixPolicy,
  type Statement
} from '../../src/desired/access-policy.ts'
import { mergedBucketPolicy } from '../../src/desired/bucket-policy.ts'
import { isPolicyOf } from '../../src/desired/policy-name.ts'
import { type AccessRequest, isAllowed } from '../../src/desired/policy-predicate.ts'
import { syncPyStatements } from '../fixtures/sync-py.ts'

const USER = 'profile-team-a-01234567'
/** How policies spell the name of whoever asks. */
const USERNAME = `\${aws:username}`

const OURS = commonBucketStatements('mlpipeline', 'profile-')
const BROWSABLE = commonBucketStatements('mlpipeline', 'profile-', true)
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

  t.test('let our users browse the top level where that is wanted', async (t) => {
    const [browse, ...others] = BROWSABLE.filter(({ Sid }) => !OURS.some((our) => our.Sid === Sid))
    t.strictSame(others, [])
    t.strictSame(browse, {
      Sid: 'ProfileTopLevelBrowse',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:ListBucket'],
      Resource: ['arn:aws:s3:::mlpipeline'],
      Condition: {
        Null: { 's3:prefix': 'true' },
        StringEquals: { 's3:delimiter': '/', 's3:RequestMethod': 'GET' },
        StringLike: { 'aws:username': ['profile-*'] }
      }
    })
  })

  t.test('are all known by Sid', async (t) => {
    t.strictSame(
      BROWSABLE.map(({ Sid }) => Sid),
      BUCKET_SIDS
    )
  })
})

t.test('every document', async (t) => {
  const documents: [what: string, statements: readonly Statement[]][] = [
    ['per-profile policy', ownBucketPolicy('profile-').document.Statement],
    ['own prefix policy', ownPrefixPolicy(USER, 'mlpipeline', 'p/').document.Statement],
    ['common bucket', BROWSABLE],
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

t.test('what our documents allow', async (t) => {
  const PREFIX = 'private-artifacts/team-a/'
  const ACTIONS: [action: string, method: string][] = [
    ['s3:GetObject', 'GET'],
    ['s3:PutObject', 'PUT'],
    ['s3:DeleteObject', 'DELETE'],
    ['s3:GetObjectTagging', 'GET'],
    ['s3:PutObjectTagging', 'PUT'],
    ['s3:DeleteObjectTagging', 'DELETE']
  ]
  const OTHERS = ['s3:PutObjectAcl', 's3:PutBucketPolicy', 's3:DeleteBucket', 's3:GetObjectVersion']
  const how = fc.constantFrom(...ACTIONS)
  /** Names that have a neighbour's beginning or ending. */
  const name = fc.oneof(
    fc.constantFrom('team-a', 'team-a-2', 'team', 'team-b', 'a', 'team-a/x', ''),
    fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/)
  )
  const key = fc.oneof(
    fc.string(),
    name.map((team) => `private-artifacts/${team}/model`),
    name.map((team) => `${PREFIX}${team}`),
    fc.constantFrom(PREFIX, PREFIX.slice(0, -1), `/${PREFIX}x`, `x/${PREFIX}`, `a\n${PREFIX}`)
  )
  const engines = ['policy-engine', 'iam-manager'] as const
  const users = name.map((team) => `profile-${team}-01234567`)

  for (const engine of engines) {
    const everywhere = (...args: Parameters<typeof isAllowed>) =>
      isAllowed(args[0], args[1], engine)

    t.test(`the bucket named like the user, and nothing else (${engine})`, async (t) => {
      const own = ownBucketPolicy('profile-').document.Statement
      const inOwn = (user: string, bucket: string, how: object) =>
        everywhere({ own }, { user, bucket, ...how } as AccessRequest)
      fc.assert(
        fc.property(users, users, key, how, (user, bucket, key, [action, method]) => {
          t.equal(inOwn(user, bucket, { action, method, key }), user === bucket)
          t.equal(
            inOwn(user, bucket, { action: 's3:ListBucket', method: 'GET', prefix: key }),
            user === bucket
          )
          for (const action of OTHERS) t.notOk(inOwn(user, bucket, { action, method, key }))
        })
      )
    })

    t.test(`the own prefix of the common bucket, and nothing else (${engine})`, async (t) => {
      const own = ownPrefixPolicy(USER, 'mlpipeline', PREFIX).document.Statement
      const inCommon = (how: object) =>
        everywhere({ own, bucket: OURS }, {
          user: USER,
          bucket: 'mlpipeline',
          ...how
        } as AccessRequest)
      fc.assert(
        fc.property(key, how, (key, [action, method]) => {
          // The prefix of a namespace has no capital letters, so this says nothing about another profile.
          const isOwn = (engine === 'iam-manager' ? key.toLowerCase() : key).startsWith(PREFIX)
          t.equal(inCommon({ action, method, key }), isOwn)
          t.equal(
            inCommon({ action: 's3:ListBucket', method: 'GET', prefix: key }),
            key.startsWith(PREFIX)
          )
          if (key !== '') t.notOk(inCommon({ action, method, key: `${PREFIX}x`, prefix: key }))
          for (const action of OTHERS) t.notOk(inCommon({ action, method, key }))
        })
      )
      t.notOk(inCommon({ action: 's3:ListBucket', method: 'GET' }), 'no list of everything')
      t.notOk(inCommon({ action: 's3:ListBucket', method: 'GET', delimiter: '/' }), 'no browsing')
      t.ok(inCommon({ action: 's3:ListBucket', method: 'HEAD' }), 'asking for the bucket')
      t.ok(inCommon({ action: 's3:GetBucketLocation', method: 'GET' }))
    })

    t.test(`the top level where browsing is wanted, and no deeper (${engine})`, async (t) => {
      const own = ownPrefixPolicy(USER, 'mlpipeline', PREFIX).document.Statement
      const lists = (user: string, how: object) =>
        everywhere(
          { own, bucket: BROWSABLE },
          { user, bucket: 'mlpipeline', action: 's3:ListBucket', method: 'GET', ...how }
        )
      fc.assert(
        fc.property(key, fc.constantFrom('/', '-', ''), (prefix, delimiter) => {
          const isOwn = prefix.startsWith(PREFIX)
          t.equal(
            lists(USER, { prefix, delimiter }),
            isOwn || (prefix + delimiter === '/' && !prefix)
          )
          t.notOk(lists('outsider', { prefix: '', delimiter }))
        })
      )
      t.ok(lists(USER, { delimiter: '/' }))
      t.notOk(lists(USER, {}))
    })
  }
})
