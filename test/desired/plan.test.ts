import t from 'tap'
import {
  commonBucketStatements,
  ownBucketPolicy,
  ownBucketStatements,
  ownPrefixPolicy
} from '../../src/desired/access-policy.ts'
import { namespaceIn, planFor, stemOf, userPatternFor } from '../../src/desired/plan.ts'
import { config, profile } from '../fixtures/builders.ts'

/** The first 8 of the SHA-256 of the incarnation that builders.ts gives a profile. */
const INCARNATION_HASH = '6c36850f'
const USER = `profile-team-a-${INCARNATION_HASH}`
const LONGEST_PREFIX = `${'p'.repeat(19)}-`

function userOf(namespace: string, prefix = 'profile-', incarnation = profile().incarnation) {
  const { profile: settings } = config({ NAME_PREFIX: prefix })
  return planFor(profile({ namespace, incarnation }), settings).user
}

t.test('planFor', async (t) => {
  t.test('gives every profile a bucket of its own by default', async (t) => {
    t.strictSame(planFor(profile(), config().profile), {
      namespace: 'team-a',
      user: USER,
      replacedUser: undefined,
      bucket: USER,
      keyPrefix: 'private-artifacts/team-a/',
      policy: ownBucketPolicy('profile-'),
      buckets: [
        { name: 'mlpipeline' },
        { name: USER, settings: { statements: ownBucketStatements(USER), lifecycleRules: [] } }
      ],
      probes: {
        own: { bucket: USER, key: 'private-artifacts/team-a/.s3-profile-controller/probe' },
        foreign: {
          bucket: 'mlpipeline',
          key: 'private-artifacts/team-a/.s3-profile-controller/probe'
        }
      }
    })
  })

  t.test('gives every profile a prefix of the common bucket in the shared layout', async (t) => {
    const { profile: settings } = config({ BUCKET_LAYOUT: 'shared', BUCKET_NAME: 'pipelines' })
    t.strictSame(planFor(profile(), settings), {
      namespace: 'team-a',
      user: USER,
      replacedUser: undefined,
      bucket: 'pipelines',
      keyPrefix: 'private-artifacts/team-a/',
      policy: ownPrefixPolicy(USER, 'pipelines', 'private-artifacts/team-a/'),
      buckets: [
        {
          name: 'pipelines',
          settings: {
            statements: commonBucketStatements('pipelines', 'profile-'),
            lifecycleRules: []
          }
        }
      ],
      probes: {
        own: { bucket: 'pipelines', key: 'private-artifacts/team-a/.s3-profile-controller/probe' },
        foreign: { bucket: 'pipelines', key: 'private-artifacts/.s3-profile-controller/probe' }
      }
    })
  })

  t.test('takes over the name of an earlier life of the same profile', async (t) => {
    const adoptBucket = 'profile-team-a-01234567'
    const plan = planFor(profile({ adoptBucket }), config().profile)
    t.match(plan, { user: adoptBucket, bucket: adoptBucket, replacedUser: USER })
    const own = planFor(profile({ adoptBucket: USER }), config().profile)
    t.same(own, planFor(profile(), config().profile), 'its own name is nothing new')
    const long = 'n'.repeat(63)
    const adopted = planFor(profile({ namespace: long, incarnation: 'x' }), config().profile).user
    const again = planFor(profile({ namespace: long, adoptBucket: adopted }), config().profile)
    t.equal(again.user, adopted, 'however long')
  })

  for (const adoptBucket of [
    'profile-team-b-01234567',
    'profile-team-a-0123456',
    'profile-team-a-b-01234567',
    'profile-team-a-01234567x',
    'mlpipeline',
    ''
  ]) {
    t.test(`does not take over ${JSON.stringify(adoptBucket)}`, async (t) => {
      t.throws(() => planFor(profile({ adoptBucket }), config().profile), {
        statusCode: 422,
        message: `Annotation pipelines.kubeflow.org/adopt-bucket of profile team-a must name a bucket of an earlier life of this very profile, profile-team-a-<8 hexadecimal digits>, not "${adoptBucket}"`
      })
    })
  }

  t.test('no name can be made to look like another profile’s shortened one', async (t) => {
    const { profile: settings } = config()
    const long = `${'a'.repeat(40)}-department`
    const { user } = planFor(profile({ namespace: long }), settings)
    const namespace = user.slice('profile-'.length, -9)
    t.equal(namespace.length, 46)
    const impostor = profile({ namespace, incarnation: 'uid-of-an-impostor' })
    t.not(stemOf(planFor(impostor, settings).user), stemOf(user))
    const adopting = { ...impostor, adoptBucket: user }
    t.throws(() => planFor(adopting, settings), { code: 'S3P_INVALID_PROFILE' })
  })

  t.test('takes over nothing in the shared layout', async (t) => {
    const { profile: settings } = config({ BUCKET_LAYOUT: 'shared' })
    const adopting = profile({ adoptBucket: 'profile-team-a-01234567' })
    t.throws(() => planFor(adopting, settings), {
      statusCode: 422,
      message: /needs BUCKET_LAYOUT=per-profile: .* profile team-a finds its data again by its name/
    })
  })

  t.test('expires artifacts in the bucket that holds them, in both layouts', async (t) => {
    for (const layout of ['per-profile', 'shared']) {
      const env = { BUCKET_LAYOUT: layout, ARTIFACT_RETENTION_DAYS: '30' }
      const { bucket, buckets } = planFor(profile(), config(env).profile)
      const configured = buckets.filter(({ settings }) => settings !== undefined)
      t.strictSame(
        configured.map(({ name }) => name),
        [bucket],
        layout
      )
      t.strictSame(configured[0]?.settings?.lifecycleRules, [
        {
          ID: 'kfp-artifact-retention',
          Status: 'Enabled',
          Filter: { Prefix: 'private-artifacts/' },
          Expiration: { Days: 30 }
        }
      ])
    }
  })

  t.test('probes nothing that a profile could own', async (t) => {
    for (const layout of ['per-profile', 'shared']) {
      const { profile: settings } = config({ BUCKET_LAYOUT: layout })
      const { own, foreign } = planFor(profile(), settings).probes
      t.notSame(own, foreign)
      for (const namespace of ['team-b', 'team-a-b', 's3-profile-controller']) {
        const other = planFor(profile({ namespace }), settings)
        t.notOk(foreign.bucket === other.bucket && foreign.key.startsWith(other.keyPrefix))
      }
    }
  })

  t.test('names the user by namespace and incarnation', async (t) => {
    t.equal(userOf('team-a'), USER)
    t.equal(userOf('team-a', 'kf-'), `kf-team-a-${INCARNATION_HASH}`)
    t.equal(userOf('kubeflow-admin'), `profile-kubeflow-admin-${INCARNATION_HASH}`)
    t.not(userOf('team-a', 'profile-', 'another-life'), USER)
    t.match(userOf('team-a', 'profile-', 'another-life'), /^profile-team-a-[0-9a-f]{8}$/)
  })

  t.test('depends on name and incarnation alone', async (t) => {
    const observedSecret = {
      seal: undefined,
      issuedAt: undefined,
      uid: 'uid-1',
      accessKeyId: 'KEY',
      secretAccessKey: 'SECRET'
    }
    const other = profile({ observedSecret, isOptedIn: false, isTerminating: true })
    t.strictSame(planFor(other, config().profile), planFor(profile(), config().profile))
  })

  for (const prefix of ['p-', 'profile-', LONGEST_PREFIX]) {
    t.test(`keeps names with the prefix ${prefix} within 63 characters`, async (t) => {
      const room = 63 - prefix.length - '-'.length - INCARNATION_HASH.length
      const longest = 'n'.repeat(room)
      t.equal(userOf(longest, prefix), `${prefix}${longest}-${INCARNATION_HASH}`, 'whole')
      t.equal(userOf(longest, prefix).length, 63)

      for (const length of [room + 1, 63]) {
        const namespace = 'n'.repeat(length)
        const user = userOf(namespace, prefix)
        t.equal(user.length, 63, `${length} characters are cut`)
        t.match(user, new RegExp(`^${prefix}n+-[0-9a-f]{8}-${INCARNATION_HASH}$`))
      }
    })

    t.test(`tells long names apart that differ only at the end (${prefix})`, async (t) => {
      const users = ['x', 'y', 'xy'].map((end) => userOf('n'.repeat(61) + end, prefix))
      t.equal(new Set(users).size, 3)
    })
  }

  t.test('cuts long names in the same way each time', async (t) => {
    // Computed once: if this changes, long-named profiles lose their data.
    t.equal(userOf('n'.repeat(63)), `profile-${'n'.repeat(37)}-73dcf996-${INCARNATION_HASH}`)
  })

  const impossible = [
    '',
    '-team',
    'team-',
    'Team-A',
    'team.a',
    'team_a',
    'team/a',
    '../x',
    '*',
    'tëam',
    'team-a\n',
    'a'.repeat(64)
  ]
  for (const namespace of impossible) {
    t.test(`refuses ${JSON.stringify(namespace)}`, async (t) => {
      t.throws(() => planFor(profile({ namespace }), config().profile), {
        code: 'S3P_INVALID_PROFILE',
        statusCode: 422,
        message: `The profile's name must be an RFC 1123 label to be a namespace: ${JSON.stringify(namespace)}`
      })
    })
  }

  t.test('shortens what it quotes', async (t) => {
    const namespace = 'A'.repeat(1000)
    t.throws(() => planFor(profile({ namespace }), config().profile), {
      message: /: "A{80}"$/
    })
  })
})

t.test('userPatternFor', async (t) => {
  const long = 'n'.repeat(60)
  for (const namespace of ['team-a', 'kubeflow-admin', `${long}xyz`]) {
    for (const prefix of ['p-', 'profile-', LONGEST_PREFIX]) {
      t.test(`fits every life of ${namespace} with the prefix ${prefix}`, async (t) => {
        const pattern = userPatternFor(prefix, namespace)
        for (const life of ['one', 'another']) t.match(userOf(namespace, prefix, life), pattern)
      })
    }
  }

  t.test('fits nobody else', async (t) => {
    const pattern = userPatternFor('profile-', 'team-a')
    const others = ['team', 'team-a-2', 'team-a-01234567', 'x-team-a'].map((name) => userOf(name))
    const more = [
      'profile-team-a',
      'profile-team-a-0123456',
      'profile-team-a-0123456g',
      ` ${USER}`,
      `${USER}\n`,
      `other-${USER}`,
      userOf('team-a', 'profiles-')
    ]
    t.same(
      [...others, ...more].filter((user) => pattern.test(user)),
      []
    )
    t.notMatch(
      userOf(`${long}xyz`),
      userPatternFor('profile-', `${long}xya`),
      'cut in the same place'
    )
  })
})

t.test('namespaceIn', async (t) => {
  t.test('is the way back from the name of a user', async (t) => {
    const room = 63 - 'profile-'.length - 9
    for (const namespace of ['a', 'team-a', 'team-a-01234567', 'n'.repeat(room)]) {
      t.same(namespaceIn('profile-', userOf(namespace)), { namespace, isShortened: false })
    }
  })

  t.test('says when the name may not hold the whole namespace', async (t) => {
    const cut = userOf('n'.repeat(63))
    t.match(namespaceIn('profile-', cut), { namespace: /^n{37}-73dcf996$/, isShortened: true })
    const looksCut = `${'n'.repeat(37)}-73dcf996`
    t.match(namespaceIn('profile-', userOf(looksCut)), { isShortened: true }, 'nobody can tell')
  })

  t.test('knows what is not a user of ours', async (t) => {
    const others = [
      '',
      'admin',
      'profile-',
      'profile-team-a',
      'profile--01234567',
      'profile-01234567',
      'profile-team-a-0123456G',
      'profile-team_a-01234567',
      'profile-\u001b[2Jteam-01234567',
      'profile-team-a\n-01234567',
      `other-${USER}`
    ]
    for (const user of others)
      t.equal(namespaceIn('profile-', user), undefined, JSON.stringify(user))
  })
})
