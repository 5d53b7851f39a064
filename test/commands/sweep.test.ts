import t, { type Test } from 'tap'
import { applySweep } from '../../src/commands/apply-sweep.ts'
import { planSweep, type SweepPlan } from '../../src/commands/sweep.ts'
import { accessKeyFor } from '../../src/desired/credentials.ts'
import { planFor } from '../../src/desired/plan.ts'
import { CommandFailed, StoreRejected, StoreUnavailable } from '../../src/errors.ts'
import type { ObjectStore } from '../../src/object-store/object-store.ts'
import { config, profile } from '../fixtures/builders.ts'
import { clusterOf } from '../fixtures/kubectl.ts'
import { MADE_AT, serveWorld } from '../fixtures/served-world.ts'
import { newStory, sync } from '../fixtures/story.ts'

const NOW = Date.parse(MADE_AT) / 1000 + 7 * 86_400

interface Circumstances {
  readonly layout?: string
  /** Profiles that the service made storage for; all of them live. */
  readonly living?: string[]
  /** And of those that live no more. */
  readonly gone?: string[]
}

/** A store that the service has filled, and the cluster as kubectl shows it later. */
async function installation(
  t: Test,
  {
    layout = 'per-profile',
    living = ['team-a', 'team-b', 'team-c'],
    gone = ['team-gone']
  }: Circumstances = {}
) {
  const { context, world } = newStory({ BUCKET_LAYOUT: layout })
  const incarnationOf = (namespace: string) => `profile-uid-of-${namespace}`
  for (const namespace of [...living, ...gone]) {
    await sync(context, profile({ namespace, incarnation: incarnationOf(namespace) }))
  }
  const { store } = context
  const endpoint = await serveWorld(t, world)
  const settings = config({ BUCKET_LAYOUT: layout, AWS_ENDPOINT_URL_S3: endpoint })
  const userOf = (namespace: string) =>
    planFor(profile({ namespace, incarnation: incarnationOf(namespace) }), settings.profile).user
  const told: string[] = []
  const interrupted = new AbortController()
  const options = {
    deletesData: false,
    now: NOW,
    onProgress: (line: string) => told.push(line),
    signal: interrupted.signal
  }
  const look = (deletesData = false, cluster = clusterOf(...living)) =>
    planSweep(settings, store, cluster, { ...options, deletesData })
  const apply = (plan: SweepPlan, evenMost = false, on: ObjectStore = store) =>
    applySweep(plan, on, { ...options, evenMost })
  /** One whole run. */
  const run = async (deletesData = false) => apply(await look(deletesData))
  return { world, store, userOf, told, interrupted, look, apply, run }
}

function stepsOf({ orphans }: SweepPlan): string[] {
  return orphans.map(({ step, kind, name }) => `${step} ${kind} ${name}`)
}

t.test('looks and writes nothing', async (t) => {
  const { look, world, userOf, told } = await installation(t)
  const before = [...world.writes]
  const plan = await look()
  t.match(plan, { layout: 'per-profile', most: [] })
  t.same(stepsOf(plan), [
    `disable user ${userOf('team-gone')}`,
    `keep bucket ${userOf('team-gone')}`
  ])
  t.match(plan.orphans.at(-1), { why: 'no objects; only --data deletes it' })
  t.same(world.writes, before)
  t.same(told, ['The store has 4 users, 1 policies and 5 buckets'])
  t.same(stepsOf(await look(true, clusterOf('team-a', 'team-b', 'team-c', 'team-gone'))), [])
})

t.test('disables in one run and deletes in the next', async (t) => {
  const { run, look, world, userOf, told } = await installation(t)
  const gone = userOf('team-gone')
  const [key] = world.users.get(gone)?.keys.values() ?? []
  t.match(await run(), [{ orphan: { step: 'disable' }, refusal: undefined }])
  t.equal(key?.isActive, false)
  t.match(await run(), [{ orphan: { step: 'delete' }, refusal: undefined }])
  t.notOk(world.users.has(gone))
  t.equal(world.users.size, 3)
  t.ok(world.buckets.has(gone), 'data stays')
  t.same(stepsOf(await look()), [`keep bucket ${gone}`])
  t.ok(told.includes(`disable user ${gone}: done`))
})

t.test('takes own policies after their user, and none that is in use', async (t) => {
  const { run, world, userOf } = await installation(t, { layout: 'shared' })
  const gone = userOf('team-gone')
  const others = [...world.policies.keys()].filter((name) => !name.startsWith(gone))
  t.equal(others.length, 3)
  const inUse = 'profile-own-bucket-0123abcd'
  const unused = 'profile-own-bucket-89abcdef'
  for (const name of [inUse, unused]) {
    world.policies.set(name, { Version: '2012-10-17', Statement: [] })
  }
  world.users.get(userOf('team-a'))?.policies.add(inUse)

  t.match(await run(), [
    { orphan: { name: inUse }, refusal: 'a user has it' },
    { orphan: { name: unused }, refusal: undefined },
    { orphan: { kind: 'user', step: 'disable' } }
  ])
  t.equal((await run()).length, 3)
  t.same([...world.policies.keys()].sort(), [...others, inUse].sort())
})

t.test('--data', async (t) => {
  t.test('deletes a bucket after its user, page by page', async (t) => {
    const { run, world, userOf, told } = await installation(t)
    const gone = userOf('team-gone')
    const kept = `${userOf('team-a')}/model`
    world.objects.add(kept)
    for (let index = 0; index < 5; index++) world.objects.add(`${gone}/model-${index}`)
    world.removedAtOnce = 2
    t.equal((await run(true)).length, 1)
    t.equal(world.objects.size, 6, 'not while its user is only disabled')
    t.match(await run(true), [{ orphan: { kind: 'user' } }, { orphan: { kind: 'bucket' } }])
    t.notOk(world.buckets.has(gone))
    t.same([...world.objects], [kept])
    t.same(
      told.filter((line) => line.startsWith('  ')),
      [2, 4, 5].map((count) => `  removed ${count} objects of bucket ${gone}`)
    )
  })

  t.test('deletes one whose user a finalize has taken', async (t) => {
    const { run, world, userOf } = await installation(t)
    world.users.delete(userOf('team-gone'))
    t.match(await run(true), [{ orphan: { kind: 'bucket' }, refusal: undefined }])
    t.notOk(world.buckets.has(userOf('team-gone')))
  })

  t.test('leaves one whose user is back', async (t) => {
    const { look, apply, world, userOf } = await installation(t)
    const gone = userOf('team-gone')
    const identity = world.users.get(gone)
    world.users.delete(gone)
    const plan = await look(true)
    world.users.set(gone, identity as NonNullable<typeof identity>)
    t.match(await apply(plan), [{ refusal: 'a user of its name is there' }])
    t.ok(world.buckets.has(gone))
  })

  t.test('stops at one that a profile adopts meanwhile', async (t) => {
    const { look, apply, world, store, userOf } = await installation(t)
    const gone = userOf('team-gone')
    for (const moment of ['while it is emptied', 'before it is deleted']) {
      world.users.delete(gone)
      world.objects.add(`${gone}/model-1`).add(`${gone}/model-2`)
      world.removedAtOnce = moment === 'while it is emptied' ? 1 : 2
      const adopted: ObjectStore = {
        ...store,
        async emptyBucket(...bucket) {
          world.users.set(gone, { policies: new Set(), keys: new Map() })
          return store.emptyBucket(...bucket)
        }
      }
      const outcomes = await apply(await look(true), false, adopted)
      t.match(outcomes, [{ refusal: 'a user of its name is there' }], moment)
      t.ok(world.buckets.has(gone))
    }
  })

  t.test('has nothing to do where profiles share a bucket', async (t) => {
    const { look, world, userOf } = await installation(t, { layout: 'shared' })
    world.buckets.add(userOf('team-gone'))
    t.equal((await look()).orphans.filter(({ kind }) => kind === 'bucket').length, 0)
    await t.rejects(look(true), { message: /^With BUCKET_LAYOUT=shared no bucket is / })
  })
})

t.test('what is not provably ours is never touched', async (t) => {
  const { run, look, world, userOf } = await installation(t)
  const stranger = 'profile-team-x-0123abcd'
  const other = accessKeyFor(Buffer.from('another-root-key-of-32-bytes-or-more'), stranger, 0)
  for (const user of [stranger, 'team-gone', 'profile-team-gone', 'readonly']) {
    const { accessKeyId, secretAccessKey } = other
    const keys = new Map([[`${accessKeyId}${user}`, { secretAccessKey, isActive: true }]])
    world.users.set(user, { policies: new Set(), keys })
    world.buckets.add(user)
  }
  const before = structuredClone([...world.users])
  t.same(stepsOf(await look(true)), [
    `disable user ${userOf('team-gone')}`,
    `wait bucket ${userOf('team-gone')}`,
    `report user ${stranger}`,
    `report bucket ${stranger}`
  ])
  await run(true)
  await run(true)
  const gone = userOf('team-gone')
  t.same(
    [...world.users],
    before.filter(([name]) => name !== gone)
  )
  t.notOk(world.users.has(gone))
})

t.test('what has changed since it was looked at is left', async (t) => {
  const { look, apply, run, world, userOf } = await installation(t)
  const gone = userOf('team-gone')
  await run()
  const plan = await look()
  for (const key of world.users.get(gone)?.keys.values() ?? []) key.isActive = true
  t.match(await apply(plan), [{ refusal: 'its keys have changed meanwhile' }])
  t.ok(world.users.has(gone))
  world.users.delete(gone)
  t.match(await apply(plan), [{ refusal: undefined }], 'or is gone already')
})

t.test('says how far it is when there is much to look at', async (t) => {
  const { look, world, told } = await installation(t)
  for (let index = 0; index < 201; index++) {
    const name = `profile-team-x-${index.toString(16).padStart(8, '0')}`
    world.users.set(name, { policies: new Set(), keys: new Map() })
    world.buckets.add(name)
  }
  await look()
  t.same(told.slice(1), [
    '  looked at 100 of 202 users',
    '  looked at 200 of 202 users',
    '  looked at 100 of 202 buckets',
    '  looked at 200 of 202 buckets'
  ])
})

t.test('a user that goes while it is looked at is none', async (t) => {
  const { look, world, userOf, store } = await installation(t)
  const { listUsers } = store
  store.listUsers = async (budget) => {
    const users = await listUsers(budget)
    world.users.delete(userOf('team-gone'))
    return users
  }
  t.same(stepsOf(await look()), [`keep bucket ${userOf('team-gone')}`])
})

t.test('most of ours are not taken for orphans without being told twice', async (t) => {
  const { look, apply, world } = await installation(t, { living: ['team-a'], gone: ['b', 'c'] })
  const before = [...world.writes]
  const plan = await look(true)
  t.same(plan.most, ['users', 'buckets'])
  await t.rejects(apply(plan), {
    message: /^At least half of the users and buckets of ours would go, so nothing was done: /
  })
  t.same(world.writes, before)
  t.equal((await apply(plan, true)).length, 2)
})

t.test('what the store refuses does not keep the rest from being done', async (t) => {
  const { look, apply, world, store, userOf } = await installation(t, { gone: ['d', 'e'] })
  const disabled = (namespace: string) =>
    [...(world.users.get(userOf(namespace))?.keys.values() ?? [])].every(
      ({ isActive }) => !isActive
    )
  const failing = (Failure: typeof StoreRejected): ObjectStore => ({
    ...store,
    async disableAccessKey(user, ...others) {
      if (user === userOf('d')) throw new Failure('disabling a key', 'it says so')
      await store.disableAccessKey(user, ...others)
    }
  })
  const plan = await look()
  await t.rejects(apply(plan, false, failing(StoreUnavailable)), { code: 'S3P_STORE_UNAVAILABLE' })
  t.notOk(disabled('e'), 'a store that is not there ends the run')

  const message = 'Object store refused disabling a key: it says so'
  t.match(await apply(plan, false, failing(StoreRejected)), [
    { refusal: message },
    { refusal: undefined }
  ])
  t.notOk(disabled('d'))
  t.ok(disabled('e'))
})

t.test('an interruption lets the step that was begun come to its end', async (t) => {
  const { look, apply, world, store, userOf, interrupted } = await installation(t, {
    gone: ['d', 'e']
  })
  await apply(await look())
  const interrupting: ObjectStore = {
    ...store,
    async deleteIdentity(...identity) {
      interrupted.abort(new CommandFailed('Interrupted'))
      await store.deleteIdentity(...identity)
    }
  }
  await t.rejects(apply(await look(), false, interrupting), { message: 'Interrupted' })
  t.notOk(world.users.has(userOf('d')))
  t.ok(world.users.has(userOf('e')))
})
