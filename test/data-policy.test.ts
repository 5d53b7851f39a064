import t from 'tap'
import { planFor } from '../src/desired/plan.ts'
import type { ObjectStore } from '../src/object-store/object-store.ts'
import type { Profile } from '../src/profile.ts'
import { budget, profile } from './fixtures/builders.ts'
import { finalize, newContext, newStory, settle, sync } from './fixtures/story.ts'

const KEYS = ['1', '2', '3', '4', '5']
const LAYOUTS = ['per-profile', 'shared'] as const
const DELETE = { dataPolicy: 'Delete/team-a' }
const UNFINISHED = { readiness: 'emptying', finalized: false, resyncAfterSeconds: 1 }
const WAITING = { readiness: 'gone', finalized: false, resyncAfterSeconds: 25 }

/** A profile that has lived, and has data; the first thing that becomes of it is its deletion. */
async function livedWith(asks: Partial<Profile>, environment: Record<string, string> = {}) {
  const told = newStory(environment)
  const { context, world, clock } = told
  const { bucket, user } = planFor(profile(asks), context.settings)
  world.buckets.add(bucket)
  await settle(context, profile(asks))
  for (const key of KEYS) world.objects.add(`${bucket}/${key}`)
  const deleted = profile({ ...asks, isTerminating: true, going: 'deleted' })
  return {
    ...told,
    bucket,
    user,
    deletedProfile: deleted,
    leave: (asksNow: Partial<Profile> = {}, by = context) =>
      finalize(by, { ...deleted, ...asksNow }),
    restarted: (store = context.store) => newContext(store, clock, environment),
    hasBucket: () => world.buckets.has(bucket),
    left: () => [...world.objects].filter((path) => path.startsWith(`${bucket}/`)).length
  }
}

t.test('the data of a deleted profile', async (t) => {
  t.test('stays unless its deletion is asked for', async (t) => {
    for (const asks of [{}, { dataPolicy: 'Retain' }]) {
      const team = await livedWith(asks)
      t.same(await team.leave(), { ...WAITING, attachments: [] })
      team.clock.now += 25_000
      t.match(await team.leave(), { finalized: true })
      t.equal(team.left(), KEYS.length)
      t.ok(team.hasBucket())
      t.equal(team.deleted(), 0)
    }
  })

  t.test('goes with its bucket when it is, and is looked for once more', async (t) => {
    const team = await livedWith(DELETE)
    t.same(await team.leave(), { ...WAITING, attachments: [] })
    t.equal(team.left(), 0)
    t.notOk(team.hasBucket())
    t.equal(team.deleted(), KEYS.length)
    t.match(await team.leave(), { finalized: false }, 'too early')
    team.clock.now += 25_000
    t.match(await team.leave(), { readiness: 'gone', finalized: true })
    t.equal(team.deleted(), KEYS.length)
  })

  t.test('goes after the last key, and only then', async (t) => {
    const team = await livedWith(DELETE)
    let usersThen: number | undefined
    const emptyBucket: ObjectStore['emptyBucket'] = (...args) => {
      usersThen = team.world.users.size
      return team.context.store.emptyBucket(...args)
    }
    await team.leave({}, team.restarted({ ...team.context.store, emptyBucket }))
    t.equal(usersThen, 0)
    t.equal(team.left(), 0)

    const other = await livedWith(DELETE)
    const deleteIdentity: ObjectStore['deleteIdentity'] = async () => {
      throw new Error('connection reset')
    }
    await t.rejects(
      other.leave({}, other.restarted({ ...other.context.store, deleteIdentity })),
      /connection reset/
    )
    t.equal(other.left(), KEYS.length)
  })

  t.test('goes in as many calls as it takes, also by another process', async (t) => {
    const team = await livedWith(DELETE)
    team.world.removedAtOnce = 2
    t.match(await team.leave(), UNFINISHED)
    t.equal(team.left(), 3)
    t.match(await team.leave({}, team.restarted()), UNFINISHED, 'after a restart')
    t.equal(team.left(), 1)
    t.ok(team.hasBucket())
    t.match(await team.leave(), WAITING)
    t.notOk(team.hasBucket())
    team.clock.now += 25_000
    t.match(await team.leave(), { finalized: true })
    t.equal(team.deleted(), 3, 'and the restarted process counts for itself')
  })

  t.test('leaves time in each call, for others and for the answer', async (t) => {
    for (const [SYNC_BUDGET, most] of [
      ['25s', 5_000],
      ['4s', 2_000]
    ] as const) {
      const team = await livedWith(DELETE, { SYNC_BUDGET })
      let patience = 0
      const emptyBucket: ObjectStore['emptyBucket'] = (bucket, patienceMs, spent) => {
        patience = patienceMs
        return team.context.store.emptyBucket(bucket, patienceMs, spent)
      }
      const { store } = team.context
      const context = newContext({ ...store, emptyBucket }, team.clock, { SYNC_BUDGET })
      await team.leave({}, context)
      t.ok(patience > 0 && patience <= most, `${patience} ms`)
    }
  })

  t.test('is taken away again when a late sync brought it back', async (t) => {
    const team = await livedWith(DELETE)
    await team.leave()
    await sync(team.restarted(), profile(DELETE))
    t.ok(team.hasBucket())
    team.clock.now += 25_000
    t.match(await team.leave(), WAITING)
    t.notOk(team.hasBucket())
    // One that came no further than the bucket.
    await team.context.store.ensureBucket(team.bucket, budget())
    team.clock.now += 25_000
    t.match(await team.leave(), WAITING)
    t.notOk(team.hasBucket())
    team.clock.now += 25_000
    t.match(await team.leave(), { finalized: true })
  })

  t.test('stays when the profile opts out, whatever it asks for', async (t) => {
    const team = await livedWith(DELETE)
    const optedOut = [
      { isOptedIn: false, isTerminating: false },
      { isOptedIn: false, isTerminating: true },
      // Metacontroller calls finalize, but nobody has deleted anything.
      { isOptedIn: true, isTerminating: false },
      { isOptedIn: false, isTerminating: false, dataPolicy: 'Delete' }
    ]
    for (const asks of optedOut) {
      t.match(await team.leave(asks), { readiness: 'gone' })
      team.clock.now += 25_000
    }
    t.equal(team.world.users.size, 0)
    t.equal(team.left(), KEYS.length)
  })

  t.test('stays when the annotation is wrong; the keys go, and the error stays', async (t) => {
    const team = await livedWith(DELETE)
    const wrong = { dataPolicy: 'Delete' }
    for (let call = 0; call < 2; call++) {
      await t.rejects(team.leave(wrong), {
        code: 'S3P_INVALID_PROFILE',
        message: /data-policy of profile team-a must be Retain, or Delete\/team-a/
      })
      team.clock.now += 25_000
    }
    t.equal(team.world.users.size, 0)
    t.equal(team.left(), KEYS.length)
    t.match(await team.leave(), WAITING, 'and it goes on when that is mended')
    t.equal(team.left(), 0)
  })

  t.test('stays, as far as it is left, when the policy is taken back', async (t) => {
    const team = await livedWith(DELETE)
    team.world.removedAtOnce = 2
    t.match(await team.leave(), UNFINISHED)
    t.match(await team.leave({ dataPolicy: 'Retain' }), { readiness: 'gone', finalized: false })
    team.clock.now += 25_000
    t.match(await team.leave({ dataPolicy: 'Retain' }), { finalized: true })
    t.equal(team.left(), 3)
  })

  t.test('stays when the operator gives up the store', async (t) => {
    const team = await livedWith(DELETE)
    t.match(await team.leave({ skipsStorageCleanup: true }), { finalized: true })
    t.equal(team.left(), KEYS.length)
  })

  t.test('is nobody else’s', async (t) => {
    const team = await livedWith(DELETE)
    const others = [
      profile({ namespace: 'team-b' }),
      profile({ incarnation: 'an-earlier-life', ...DELETE })
    ].map((about) => planFor(about, team.context.settings).bucket)
    for (const bucket of [...others, 'mlpipeline', `${team.bucket}-2`]) {
      team.world.buckets.add(bucket)
      team.world.objects.add(`${bucket}/private-artifacts/team-a/kept`)
    }
    const objects = team.world.objects.size
    await team.leave()
    t.equal(team.world.objects.size, objects - KEYS.length)
    for (const bucket of [...others, 'mlpipeline']) t.ok(team.world.buckets.has(bucket))
  })

  t.test('is that of the earlier life that the profile took over', async (t) => {
    const adoptBucket = 'profile-team-a-01234567'
    const team = await livedWith({ ...DELETE, adoptBucket })
    t.equal(team.bucket, adoptBucket)
    const { bucket } = planFor(profile(), team.context.settings)
    team.world.buckets.add(bucket)
    team.world.objects.add(`${bucket}/from before it did`)
    await team.leave()
    t.same([...team.world.objects], [])
    t.same([...team.world.buckets], ['mlpipeline'])
  })
})

for (const BUCKET_LAYOUT of LAYOUTS) {
  t.test(`a mistake in the data policy, ${BUCKET_LAYOUT} layout`, async (t) => {
    const told = newStory({ BUCKET_LAYOUT })
    const { observed } = await settle(told.context)
    const { calls } = told.world
    const dataPolicy = BUCKET_LAYOUT === 'shared' ? 'Delete/team-a' : 'Delete'
    const refused = { code: 'S3P_INVALID_PROFILE', message: /data-policy of profile team-a/ }
    await t.rejects(sync(told.context, { ...observed, dataPolicy }), refused)
    t.equal(told.world.calls, calls, 'nothing was asked of the store')

    const deleted = profile({ dataPolicy, isTerminating: true })
    await t.rejects(finalize(told.context, deleted), refused)
    t.equal(told.world.users.size, 0, 'a deleted profile loses its key all the same')
  })
}
