import t from 'tap'
import { commonBucketStatements, type Statement } from '../src/desired/access-policy.ts'
import { accessKeyFor, sealFor } from '../src/desired/credentials.ts'
import { planFor } from '../src/desired/plan.ts'
import type { ObjectStore, ProbeAnswer } from '../src/object-store/object-store.ts'
import type { ObservedSecret, Profile } from '../src/profile.ts'
import { reconcileProfile } from '../src/reconcile.ts'
import { observing, profile, ROOT_KEY } from './fixtures/builders.ts'
import { buildFakeObjectStore } from './fixtures/fake-object-store.ts'
import {
  accessKeyIdIn,
  finalize,
  newContext,
  newStory,
  type Story,
  settle,
  sync
} from './fixtures/story.ts'
import { syncPyStatements } from './fixtures/sync-py.ts'

const LAYOUTS = ['per-profile', 'shared'] as const
const MINUTES = 60_000

for (const BUCKET_LAYOUT of LAYOUTS) {
  const story = () => newStory({ BUCKET_LAYOUT })
  const userOf = ({ context }: Story, about = profile()) => planFor(about, context.settings).user
  const keysOf = (told: Story, about = profile()) => [
    ...(told.world.users.get(userOf(told, about))?.keys ?? [])
  ]

  t.test(`reconcileProfile, ${BUCKET_LAYOUT} layout`, async (t) => {
    t.test('makes everything on the first sync and nothing on the next ones', async (t) => {
      const told = story()
      const { first, second, observed } = await settle(told.context)
      t.equal(first.readiness, 'pending', 'nobody has seen the Secret yet')
      t.equal(second.readiness, 'ready')
      t.same(second.attachments, first.attachments, 'the answer is stable')
      t.equal(keysOf(told).length, 1)
      t.equal(keysOf(told)[0]?.[0], accessKeyIdIn(first))

      const writes = told.world.writes.length
      await sync(told.context)
      await sync(newContext(told.context.store, told.clock, { BUCKET_LAYOUT }), observed)
      t.equal(told.world.writes.length, writes, 'not for a stale view, not for another replica')
    })

    t.test('asks the store nothing while the observed pair is proven', async (t) => {
      const told = story()
      const { observed } = await settle(told.context)
      const { calls } = told.world
      await sync(told.context, observed)
      t.equal(told.world.calls, calls)

      told.clock.now += 5 * MINUTES
      await sync(told.context, observed)
      t.ok(told.world.calls > calls, 'the proof is renewed when it is old')
    })

    t.test('trusts no proof for a Secret that was made anew', async (t) => {
      const told = story()
      const { first } = await settle(told.context)
      const { calls } = told.world
      await sync(told.context, observing(profile(), first.attachments, 'another-uid'))
      t.ok(told.world.calls > calls)
    })

    t.test('asks to be called again until the Secret is observed', async (t) => {
      const { first, second } = await settle(story().context)
      t.equal(first.resyncAfterSeconds, 30)
      t.equal(second.resyncAfterSeconds, undefined)
    })

    const DAMAGES: Record<string, (told: Story) => void> = {
      'a deleted key': (told) => told.world.users.get(userOf(told))?.keys.clear(),
      'a disabled key': (told) => {
        for (const [, key] of keysOf(told)) key.isActive = false
      },
      'a key with another secret': (told) => {
        for (const [, key] of keysOf(told)) key.secretAccessKey = 'of-somebody-else'
      },
      'a detached policy': (told) => told.world.users.get(userOf(told))?.policies.clear(),
      'an attached policy that opens everything': (told) => {
        const Statement = [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::*' }] as const
        told.world.policies.set('of-somebody', { Version: '2012-10-17', Statement })
        told.world.users.get(userOf(told))?.policies.add('of-somebody')
      },
      'a deleted policy': ({ world }) => {
        for (const { policies } of world.users.values()) policies.clear()
        world.policies.clear()
      },
      'a deleted user': (told) => told.world.users.delete(userOf(told)),
      'a deleted bucket': ({ world }) => world.buckets.clear(),
      'a store that lost everything': ({ world }) => {
        for (const part of [world.buckets, world.bucketPolicies, world.policies, world.users]) {
          part.clear()
        }
      }
    }
    for (const [name, damage] of Object.entries(DAMAGES)) {
      t.test(`repairs ${name} with the same key`, async (t) => {
        const told = story()
        const { first, observed } = await settle(told.context)
        damage(told)
        told.clock.now += 5 * MINUTES
        const repaired = await sync(told.context, observed)
        t.same(repaired.attachments, first.attachments)
        t.equal(keysOf(told).length, 1)
        t.equal(keysOf(told)[0]?.[1].isActive, true)

        const writes = told.world.writes.length
        told.clock.now += 5 * MINUTES
        await sync(told.context, observed)
        t.equal(told.world.writes.length, writes, 'and then there is nothing left to do')
      })
    }

    t.test('heals a Secret that was edited, without a write', async (t) => {
      const told = story()
      const { first, observed } = await settle(told.context)
      const writes = told.world.writes.length
      const seen = observed.observedSecret as ObservedSecret
      const edits = [
        { ...seen, accessKeyId: 'TAMPERED', secretAccessKey: 'TAMPERED' },
        { ...seen, secretAccessKey: 'TAMPERED' },
        { ...seen, accessKeyId: '', secretAccessKey: '' },
        { ...seen, seal: undefined },
        { ...seen, seal: 'FORGED' }
      ]
      for (const observedSecret of edits) {
        const healed = await sync(told.context, { ...observed, observedSecret })
        t.same(healed.attachments, first.attachments)
      }
      t.equal(told.world.writes.length, writes)
    })

    t.test('moves a profile to a new version of its policy', async (t) => {
      const told = story()
      const { observed } = await settle(told.context)
      const user = told.world.users.get(userOf(told))
      const { policy } = planFor(profile(), told.context.settings)
      const before = policy.name.replace(/[0-9a-f]{8}$/, '0badf00d')
      // It grants what the new one grants, so that no probe can tell them apart.
      told.world.policies.set(before, policy.document)
      user?.policies.clear()
      user?.policies.add(before)
      const [[accessKeyId = ''] = []] = keysOf(told)
      const seal = sealFor(Buffer.from(ROOT_KEY), accessKeyId, before, 'settled')
      const observedSecret = { ...(observed.observedSecret as ObservedSecret), seal }

      const restarted = newContext(told.context.store, told.clock, { BUCKET_LAYOUT })
      await sync(restarted, { ...observed, observedSecret })
      t.same([...(user?.policies ?? [])], [policy.name])
    })

    t.test('never goes back behind an epoch that is in force', async (t) => {
      const told = story()
      await sync(told.context)
      const later = accessKeyFor(Buffer.from(ROOT_KEY), userOf(told), 1_800_000_000)
      told.world.users
        .get(userOf(told))
        ?.keys.set(later.accessKeyId, { secretAccessKey: later.secretAccessKey, isActive: true })
      t.equal(accessKeyIdIn(await sync(told.context)), later.accessKeyId, 'a live key counts')

      const memory = { seal: undefined, issuedAt: undefined }
      const observedSecret = { uid: 'u', ...memory, ...later }
      const inCluster = await sync(told.context, profile({ observedSecret }))
      t.equal(accessKeyIdIn(inCluster), later.accessKeyId, 'an observed pair counts')
    })

    t.test('gives a re-created profile another user and another key', async (t) => {
      const told = story()
      const { first } = await settle(told.context)
      const reborn = profile({ incarnation: 'another-life' })
      const second = await sync(told.context, reborn)
      t.not(userOf(told, reborn), userOf(told))
      t.not(accessKeyIdIn(second), accessKeyIdIn(first))
    })

    t.test('gives nothing to a terminating or opted-out parent, and asks nobody', async (t) => {
      const told = story()
      for (const about of [profile({ isTerminating: true }), profile({ isOptedIn: false })]) {
        t.same(await sync(told.context, about), { attachments: [], readiness: 'gone' })
      }
      t.equal(told.world.calls, 0)
    })

    t.test('does the same work once when calls overlap', async (t) => {
      const told = story()
      const answers = await Promise.all([1, 2, 3, 4].map(() => sync(told.context)))
      t.equal(new Set(answers.map((answer) => JSON.stringify(answer.attachments))).size, 1)
      const steps = told.world.writes
      t.equal(new Set(steps).size, steps.length, 'no step is written twice')
    })

    t.test('says when somebody else’s object is in the place of the Secret', async (t) => {
      const told = story()
      const answered = await sync(told.context)
      told.clock.now += 10_000
      t.equal((await sync(told.context)).readiness, 'pending', 'caches lag')
      told.clock.now += 20_000
      const writes = told.world.writes.length
      await t.rejects(sync(told.context), {
        code: 'S3P_SECRET_TAKEN',
        statusCode: 409,
        message:
          /^Secret mlpipeline-minio-artifact was answered for profile team-a and is still not there/
      })
      const again = await sync(told.context)
      t.equal(accessKeyIdIn(again), accessKeyIdIn(answered), 'and answers, or it could never come')
      t.equal(told.world.writes.length, writes, 'with the same key')
      t.same(told.taken(), 1)

      const observed = observing(profile(), answered.attachments)
      t.equal((await sync(told.context, observed)).readiness, 'ready')
      told.clock.now += 60 * MINUTES
      t.equal(
        (await sync(told.context)).readiness,
        'pending',
        'a Secret that was there is no such case'
      )
    })

    t.test('issues no key after the other for a Secret that never comes', async (t) => {
      const told = newStory({ BUCKET_LAYOUT, CREDENTIAL_ROTATION_DAYS: '30' })
      for (let month = 0; month < 4; month++) {
        await sync(told.context).catch(() => {})
        told.clock.now += 31 * 24 * 60 * MINUTES
      }
      t.equal(keysOf(told).length, 1)
    })

    t.test('hands out no key that opens what is not the profile’s', async (t) => {
      const told = story()
      const probe: ObjectStore['probe'] = async () => 'absent'
      const context = newContext({ ...told.context.store, probe }, told.clock, { BUCKET_LAYOUT })
      await t.rejects(sync(context), { code: 'S3P_NOT_ISOLATED' })
    })

    t.test('waits for a new key to reach the gateway', async (t) => {
      const told = story()
      const late: ProbeAnswer[] = ['unknown-key', 'denied']
      const probe: ObjectStore['probe'] = async (key, object, spent) => {
        const answer = await told.context.store.probe(key, object, spent)
        return late.shift() ?? answer
      }
      const impatient = newContext({ ...told.context.store, probe }, told.clock, { BUCKET_LAYOUT })
      const context = { ...impatient, proofPatienceMs: 10_000 }
      t.equal((await sync(context)).attachments.length, 4)
      t.same(late, [])
    })

    t.test('takes a refusal for a proof only when the key is known by then', async (t) => {
      const told = story()
      let probes = 0
      const probe: ObjectStore['probe'] = async (key, object, spent) => {
        probes += 1
        return probes === 2 ? 'unknown-key' : told.context.store.probe(key, object, spent)
      }
      const impatient = newContext({ ...told.context.store, probe }, told.clock, { BUCKET_LAYOUT })
      const context = { ...impatient, proofPatienceMs: 10_000 }
      await sync(context)
      t.equal(probes, 4, 'both probes are made again')
    })

    t.test('replaces a key with another secret once, not for ever', async (t) => {
      const told = story()
      const probe: ObjectStore['probe'] = async () => 'wrong-secret'
      const context = newContext({ ...told.context.store, probe }, told.clock, { BUCKET_LAYOUT })
      await t.rejects(sync(context), { code: 'S3P_STORE_UNAVAILABLE', message: /wrong-secret/ })
      const issued = told.world.writes.filter((step) => step.startsWith('issuing'))
      t.equal(issued.length, 2)
    })

    t.test('waits no longer than its budget', async (t) => {
      const told = story()
      const spending = new AbortController()
      const probe: ObjectStore['probe'] = async () => {
        spending.abort()
        return 'unknown-key'
      }
      const context = newContext({ ...told.context.store, probe }, told.clock, { BUCKET_LAYOUT })
      const { signal } = spending
      await t.rejects(reconcileProfile(profile(), context, { namespace: 'team-a', signal }), {
        code: 'S3P_STORE_UNAVAILABLE'
      })
    })

    t.test('hands out no key that does not work', async (t) => {
      const told = story()
      const probe: ObjectStore['probe'] = async () => 'unknown-key'
      const context = newContext({ ...told.context.store, probe }, told.clock, { BUCKET_LAYOUT })
      await t.rejects(sync(context), { code: 'S3P_STORE_UNAVAILABLE', message: /unknown-key/ })
    })

    t.test('hands out no key whose id another user holds', async (t) => {
      const told = story()
      const { accessKeyId } = accessKeyFor(Buffer.from(ROOT_KEY), userOf(told), 0)
      told.world.users.set('somebody-else', {
        policies: new Set(),
        keys: new Map([[accessKeyId, { secretAccessKey: 'theirs', isActive: true }]])
      })
      await t.rejects(sync(told.context), { code: 'S3P_NOT_ISOLATED', message: /another user/ })
      t.equal(told.world.users.get('somebody-else')?.keys.size, 1, 'theirs is left alone')
    })

    t.test('survives a failure before and after every single step', async (t) => {
      const verbsOfFirstSync = await countVerbs(BUCKET_LAYOUT)
      t.ok(verbsOfFirstSync > 3)
      for (const moment of ['before', 'after'] as const) {
        for (let nth = 1; nth <= verbsOfFirstSync; nth++) {
          const told = story()
          let seen = 0
          const failing = failingStore(told.context.store, moment, () => ++seen === nth)
          const context = newContext(failing, told.clock, { BUCKET_LAYOUT })
          await sync(context).catch(() => {})
          const { second } = await settle(told.context)
          t.equal(keysOf(told).length, 1, `${moment} verb ${nth}: exactly one key`)
          t.equal(keysOf(told)[0]?.[0], accessKeyIdIn(second))
        }
      }
    })

    t.test('stops when its budget is spent', async (t) => {
      const told = story()
      const slow = { namespace: 'team-a', signal: AbortSignal.abort() }
      await t.rejects(reconcileProfile(profile(), told.context, slow), {
        code: 'S3P_BUDGET_EXCEEDED'
      })
      t.same(told.world.writes, [])
    })
  })

  t.test(`finalizeProfile, ${BUCKET_LAYOUT} layout`, async (t) => {
    t.test(
      'takes key, user and own policy, keeps the data, and is done on the second pass',
      async (t) => {
        const told = story()
        await settle(told.context)
        const bucketsBefore = [...told.world.buckets]
        const first = await finalize(told.context)
        t.same(first, {
          attachments: [],
          readiness: 'gone',
          finalized: false,
          resyncAfterSeconds: 25
        })
        t.equal(told.world.users.size, 0)
        t.equal(
          told.world.policies.size,
          BUCKET_LAYOUT === 'shared' ? 0 : 1,
          'the common one stays'
        )
        t.same([...told.world.buckets], bucketsBefore)

        t.match(await finalize(told.context), { finalized: false }, 'too early')
        told.clock.now += 25_000
        t.match(await finalize(told.context), { finalized: true })
        t.match(
          await finalize(told.context),
          { finalized: false },
          'what comes then is a story of its own'
        )
      }
    )

    t.test('takes away what a late sync brought back', async (t) => {
      const told = story()
      await settle(told.context)
      await finalize(told.context)
      await sync(told.context)
      told.clock.now += 25_000
      t.match(await finalize(told.context), { finalized: false })
      t.equal(told.world.users.size, 0)
      told.clock.now += 25_000
      t.match(await finalize(told.context), { finalized: true })
    })

    t.test('waits anew when another replica has let the profile in meanwhile', async (t) => {
      const told = story()
      const leaving = (going: string) => finalize(told.context, profile({ going }))
      await leaving('opted out')
      told.clock.now += 24_000
      // A replica that knows nothing of it begins a sync here, and writes when this one has looked.
      told.clock.now += 1_000
      t.match(await leaving('deleted'), { finalized: false })
      await sync(newContext(told.context.store, told.clock, { BUCKET_LAYOUT }))
      told.clock.now += 25_000
      t.match(await leaving('deleted'), { finalized: false })
      t.equal(told.world.users.size, 0)
    })

    t.test('waits out one budget even when it finds nothing', async (t) => {
      const told = story()
      t.match(await finalize(told.context), { finalized: false })
      told.clock.now += 25_000
      t.match(await finalize(told.context), { finalized: true })
    })

    t.test('touches no other life of the profile', async (t) => {
      const told = story()
      await settle(told.context)
      const reborn = profile({ incarnation: 'another-life' })
      await settle(told.context, reborn)
      await finalize(told.context)
      t.equal(keysOf(told, reborn).length, 1)
    })

    t.test('lets an opted-in profile have the same key again', async (t) => {
      const told = story()
      const { first, observed } = await settle(told.context)
      await finalize(told.context, profile({ isOptedIn: false }))
      const again = await sync(told.context, observed)
      t.same(again.attachments, first.attachments)
      t.equal(keysOf(told).length, 1, 'although the old Secret was still in the cache')
    })

    t.test('deletes every key, also those that a tenant made', async (t) => {
      const told = story()
      await settle(told.context)
      told.world.users
        .get(userOf(told))
        ?.keys.set('MADEBYTENANT', { secretAccessKey: 's', isActive: true })
      await finalize(told.context)
      t.equal(told.world.users.size, 0)
    })

    t.test('lets a parent go whose storage the operator gave up', async (t) => {
      const told = story()
      await settle(told.context)
      const { calls } = told.world
      const answer = await finalize(told.context, profile({ skipsStorageCleanup: true }))
      t.match(answer, { finalized: true, attachments: [] })
      t.equal(told.world.calls, calls)
      t.match(told.warnings, [/skipped/])
    })

    t.test('lets a parent go whose name no namespace can have', async (t) => {
      const told = story()
      t.match(await finalize(told.context, profile({ namespace: 'team.a' })), { finalized: true })
      t.equal(told.world.calls, 0)
    })
  })
}

t.test('the policy of the common bucket', async (t) => {
  const COMMON = 'mlpipeline'
  const BUCKET_LAYOUT = 'shared'
  const foreign: Statement = { Sid: 'Foreign', Effect: 'Deny', Action: 's3:Put*', Resource: 'r' }
  const policyWith = (...Statement: Statement[]) => ({ Version: '2012-10-17', Statement })
  const sidsIn = ({ world }: Story) =>
    world.bucketPolicies.get(COMMON)?.Statement.map(({ Sid }) => Sid)
  const OURS = ['DenyPrefixPromotion', 'ProfileHeadBucket']

  t.test('is written for the first time without a word', async (t) => {
    const told = newStory({ BUCKET_LAYOUT })
    told.world.bucketPolicies.set(COMMON, policyWith(foreign, ...syncPyStatements(COMMON)))
    await settle(told.context)
    t.same(sidsIn(told), ['Foreign', ...OURS, 'LegacyProfileOwnPrefixList'])
    t.equal(told.repairs(), 0)
    t.same(told.warnings, [])
  })

  const DAMAGES: Record<string, (told: Story) => void> = {
    'a policy that is gone': ({ world }) => world.bucketPolicies.clear(),
    'a statement that is gone': ({ world }) => {
      const { Statement = [] } = world.bucketPolicies.get(COMMON) ?? {}
      world.bucketPolicies.set(COMMON, policyWith(foreign, ...Statement.slice(1)))
    },
    'a statement that was edited': ({ world }) => {
      const [first, ...others] = world.bucketPolicies.get(COMMON)?.Statement ?? []
      world.bucketPolicies.set(
        COMMON,
        policyWith({ ...(first as Statement), Effect: 'Allow' }, ...others)
      )
    },
    'sync.py’s policy in its place': ({ world }) =>
      world.bucketPolicies.set(COMMON, policyWith(...syncPyStatements(COMMON)))
  }
  for (const [name, damage] of Object.entries(DAMAGES)) {
    t.test(`is repaired, counted and told: ${name}`, async (t) => {
      const told = newStory({ BUCKET_LAYOUT })
      const { observed } = await settle(told.context)
      damage(told)
      const hasForeign = sidsIn(told)?.includes('Foreign')
      await sync(told.context, observed)
      t.equal(told.repairs(), 0, 'not before it is verified again')
      told.clock.now += 5 * MINUTES
      await sync(told.context, observed)
      t.match(sidsIn(told), hasForeign ? ['Foreign', ...OURS] : OURS)
      t.equal(told.repairs(), 1)
      t.match(told.warnings, [/repaired/])
      told.clock.now += 5 * MINUTES
      await sync(told.context, observed)
      t.equal(told.repairs(), 1)
    })
  }

  t.test('is repaired by a process that has not seen it before, if it was ours', async (t) => {
    const told = newStory({ BUCKET_LAYOUT })
    const [, head] = commonBucketStatements(COMMON, 'profile-')
    told.world.bucketPolicies.set(COMMON, policyWith(head as Statement))
    await settle(told.context)
    t.equal(told.repairs(), 1)
  })

  t.test('loses the browsing once that is switched off', async (t) => {
    const { store, world } = buildFakeObjectStore()
    const clock = { now: 0 }
    const TOP_LEVEL_BROWSE = 'true'
    await settle(newContext(store, clock, { BUCKET_LAYOUT, TOP_LEVEL_BROWSE }))
    t.match(JSON.stringify(world.bucketPolicies.get(COMMON)), 'ProfileTopLevelBrowse')
    await settle(newContext(store, clock, { BUCKET_LAYOUT }))
    t.notMatch(JSON.stringify(world.bucketPolicies.get(COMMON)), 'ProfileTopLevelBrowse')
  })
})

t.test('a change of layout', async (t) => {
  const { store, world } = buildFakeObjectStore()
  const clock = { now: 0 }
  const shared = await settle(newContext(store, clock, { BUCKET_LAYOUT: 'shared' }))
  const { observed } = shared
  const own = await sync(newContext(store, clock, { BUCKET_LAYOUT: 'per-profile' }), observed)
  t.equal(accessKeyIdIn(own), accessKeyIdIn(shared.first), 'keeps the key')
  const [user] = [...world.users.values()]
  t.equal(user?.policies.size, 1, 'moves to the one policy of the new layout')
  t.equal(world.policies.size, 1, 'and leaves no own policy behind')
})

t.test('the writes of a first sync are the fewest that the layout needs', async (t) => {
  const firstSync = async (BUCKET_LAYOUT: string) => {
    const { context, world } = newStory({ BUCKET_LAYOUT })
    const { user, policy } = planFor(profile(), context.settings)
    await sync(context, profile({ namespace: 'team-z', incarnation: 'first-on-this-store' }))
    const before = world.writes.length
    await sync(context)
    return { user, policy: policy.name, writes: world.writes.slice(before) }
  }
  const own = await firstSync('per-profile')
  t.same(own.writes, [
    `creating bucket ${own.user}`,
    `writing the policy of bucket ${own.user}`,
    `creating user ${own.user}`,
    `attaching policy ${own.policy} to user ${own.user}`,
    `issuing an access key to user ${own.user}`
  ])
  const shared = await firstSync('shared')
  t.same(shared.writes, [
    `creating policy ${shared.policy}`,
    `creating user ${shared.user}`,
    `attaching policy ${shared.policy} to user ${shared.user}`,
    `issuing an access key to user ${shared.user}`
  ])
})

/** How many `ensure…` verbs a first sync calls. */
async function countVerbs(BUCKET_LAYOUT: string): Promise<number> {
  const told = newStory({ BUCKET_LAYOUT })
  let verbs = 0
  const counting = failingStore(told.context.store, 'before', () => ++verbs < 0)
  await sync(newContext(counting, told.clock, { BUCKET_LAYOUT }))
  return verbs
}

/** A store whose nth `ensure…` verb fails, before its effect or after it. */
function failingStore(
  store: ObjectStore,
  moment: 'before' | 'after',
  isDue: () => boolean
): ObjectStore {
  return new Proxy(store, {
    get(target, verb: keyof ObjectStore) {
      const work = target[verb] as (...args: unknown[]) => Promise<unknown>
      if (!verb.startsWith('ensure')) return work
      return async (...args: unknown[]) => {
        const fails = isDue()
        if (fails && moment === 'before') throw new Error('connection reset')
        const result = await work.apply(target, args)
        if (fails) throw new Error('connection reset')
        return result
      }
    }
  })
}

t.test('what profiles share', async (t) => {
  const others = (count: number) =>
    profile({ namespace: `team-${count}`, incarnation: `incarnation-${count}` })

  t.test('is looked at once for many new profiles', async (t) => {
    const told = newStory()
    const callsOf = async (about: Profile) => {
      const before = told.world.calls
      await sync(told.context, about)
      return told.world.calls - before
    }
    const first = await callsOf(others(1))
    const second = await callsOf(others(2))
    t.equal(first - second, 2, 'neither the policy nor the common bucket again')
    told.clock.now += 5 * MINUTES
    t.ok((await callsOf(others(3))) > second, 'until that is too long ago')
  })

  t.test('is looked at again when it has gone meanwhile', async (t) => {
    const told = newStory()
    await sync(told.context, others(1))
    told.world.policies.clear()
    const { attachments } = await sync(told.context, others(2))
    t.ok(attachments.length > 0)
    t.equal(told.world.policies.size, 1)
  })

  t.test('is looked at again when it was widened meanwhile', async (t) => {
    const told = newStory()
    await sync(told.context, others(1))
    const Statement: Statement[] = [{ Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::*' }]
    for (const name of told.world.policies.keys()) {
      told.world.policies.set(name, { Version: '2012-10-17', Statement })
    }
    const { attachments } = await sync(told.context, others(2))
    t.ok(attachments.length > 0)
  })
})
