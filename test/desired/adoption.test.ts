import t from 'tap'
import { adoptableAmong, adoptionsFrom, type FilledBucket } from '../../src/desired/adoption.ts'
import { livingFrom } from '../../src/desired/living.ts'
import { planFor } from '../../src/desired/plan.ts'
import { config, profile } from '../fixtures/builders.ts'
import { clusterOf } from '../fixtures/kubectl.ts'

const settings = config().profile
const LONG = 'n'.repeat(60)
const living = livingFrom(clusterOf('team-a', 'team-b', LONG), settings)
const nameOf = (namespace: string, incarnation = `profile-uid-of-${namespace}`) =>
  planFor(profile({ namespace, incarnation }), settings).user

function bucket(name: string, objects = 1, createdAt = 1_800_000_000): FilledBucket {
  return { name, createdAt, isEmpty: objects === 0, contents: `${objects} objects` }
}

function adoptions(buckets: FilledBucket[], among: typeof living | undefined = living) {
  return adoptionsFrom(buckets, among, settings).map(
    ({ namespace, bucket, doubt }) => [namespace, bucket, doubt] as const
  )
}

t.test('a bucket that nobody uses goes to the profile of its name', async (t) => {
  const [a, b] = ['profile-team-a-0123abcd', 'profile-team-b-0123abcd']
  t.same(adoptionsFrom([bucket(b), bucket(a, 3)], living, settings), [
    { namespace: 'team-a', bucket: a, contents: '3 objects', doubt: undefined },
    { namespace: 'team-b', bucket: b, contents: '1 objects', doubt: undefined }
  ])
  t.same(adoptions([bucket(nameOf('team-a'))]), [], 'what is in use is not told')
  t.same(adoptions([bucket('somebodys')]), [])
})

t.test('of several lives the latest with data in it', async (t) => {
  const [first, second, third, ageless] = [1, 2, 3, 4].map(
    (life) => `profile-team-a-0000000${life}`
  )
  const buckets = [
    bucket(String(first), 1, 1_000),
    bucket(String(third), 0, 3_000),
    { ...bucket(String(ageless)), createdAt: undefined },
    bucket(String(second), 1, 2_000)
  ]
  t.same(adoptions(buckets), [
    ['team-a', third, 'nothing to have back'],
    ['team-a', second, undefined],
    ['team-a', first, `${second} is of a later life`],
    ['team-a', ageless, `${second} is of a later life`]
  ])
  const twins = ['profile-team-b-00000002', 'profile-team-b-00000001']
  t.match(adoptions(twins.map((name) => bucket(name))), [
    ['team-b', 'profile-team-b-00000001', undefined],
    ['team-b', 'profile-team-b-00000002', /later life$/]
  ])
})

t.test('a profile that has data already decides for itself', async (t) => {
  const own = nameOf('team-a')
  const kept = bucket('profile-team-a-0123abcd')
  t.same(adoptions([kept, bucket(own, 5)]), [
    ['team-a', kept.name, `the profile has data in ${own}: 5 objects`]
  ])
  t.same(adoptions([kept, bucket(own, 0)]), [['team-a', kept.name, undefined]])
})

t.test('whose profile is not there', async (t) => {
  const gone = 'profile-team-gone-0123abcd'
  t.same(adoptions([bucket(gone)]), [['team-gone', gone, 'there is no such profile']])
  t.same(adoptionsFrom([bucket(gone)], undefined, settings)[0]?.doubt, undefined, 'nobody said so')
})

t.test('a name too long for its bucket is known from the list', async (t) => {
  const kept = nameOf(LONG, 'an-earlier-life')
  t.same(adoptions([bucket(kept)]), [[LONG, kept, undefined]])
  t.match(adoptionsFrom([bucket(kept)], undefined, settings), [
    { namespace: /^n{37}-[0-9a-f]{8}$/, doubt: /^the whole name .* not known$/ }
  ])
})

t.test('adoptableAmong', async (t) => {
  const own = nameOf('team-a')
  const kept = 'profile-team-a-0123abcd'
  const names = ['mlpipeline', 'somebodys', own, kept, nameOf('team-b')]
  t.same(adoptableAmong(names, living, settings), [own, kept])
  t.same(adoptableAmong(names, undefined, settings), [own, kept, nameOf('team-b')])
  const common = config({ BUCKET_NAME: kept }).profile
  t.same(adoptableAmong(names, living, common), [], 'never KFP’s own bucket')
})
