import t from 'tap'
import { audit } from '../src/audit.ts'
import { timeText } from '../src/desired/attachments.ts'
import { finalize, newContext, newStory, STARTED_AT, sync } from './fixtures/story.ts'
import { settledTeam, Team } from './fixtures/team.ts'

const DAYS = 86_400_000
const EARLIER = 'profile-team-a-01234567'

/** A profile made again, whose earlier life left its bucket behind. */
async function rebornTeam(annotated = EARLIER): Promise<Team> {
  const told = newStory()
  told.world.buckets.add(EARLIER)
  const team = new Team(told)
  team.asks = { adoptBucket: annotated, createdAt: timeText(STARTED_AT - 60) }
  return team
}

t.test('a profile that takes its earlier bucket back', async (t) => {
  t.test('goes by that name, with a key of its own time', async (t) => {
    const team = await rebornTeam()
    await team.rest()
    const { world } = team.told
    t.equal(team.user, EARLIER)
    t.ok(await team.works(team.key))
    t.same([...world.users.keys()], [EARLIER])
    t.same([...world.buckets].sort(), ['mlpipeline', EARLIER])
    t.same(await audit(team.told.context, new AbortController().signal), {
      ...(await audit(team.told.context, new AbortController().signal)),
      users: 1,
      unclaimed: 0
    })
  })

  t.test('never gets a key of that earlier life, nor does anybody keep one', async (t) => {
    const earlier = await settledTeam()
    const { told } = earlier
    const team = new Team(told)
    const createdAt = timeText(STARTED_AT + 3600)
    team.asks = { incarnation: 'uid-of-its-second-life', adoptBucket: earlier.user, createdAt }
    told.clock.now += 2 * 3_600_000
    await team.rest()
    t.equal(team.user, earlier.user)
    t.not(team.key.accessKeyId, earlier.key.accessKeyId)
    t.notOk(await team.works(earlier.key))
    t.same(team.live, [team.key.accessKeyId])
  })

  t.test('is told when the store has no such bucket, and gets no empty one', async (t) => {
    const team = await rebornTeam('profile-team-a-76543210')
    await t.rejects(team.sync(), {
      statusCode: 422,
      message:
        'Annotation pipelines.kubeflow.org/adopt-bucket of profile team-a names bucket profile-team-a-76543210, and the store has none of that name'
    })
    t.same([...team.told.world.buckets], [EARLIER])
    t.same([...team.told.world.users.keys()], [])
  })

  t.test('is repaired when the store is lost later', async (t) => {
    const team = await rebornTeam()
    await team.rest()
    const { key } = team
    const { world, context, clock } = team.told
    for (const part of [world.users, world.buckets, world.policies, world.bucketPolicies]) {
      part.clear()
    }
    await team.rest(newContext(context.store, clock))
    t.same(team.key, key)
    t.ok(await team.works(key))
  })

  t.test('keeps what it held until then for the grace, and then nothing of it', async (t) => {
    const team = await settledTeam()
    const { world, clock } = team.told
    world.buckets.add(EARLIER)
    const { key, user } = team
    team.asks = { adoptBucket: EARLIER, createdAt: timeText(STARTED_AT - 60) }
    const during = await team.rest()
    t.equal(team.user, EARLIER)
    t.equal(during.settlingUntil, timeText(STARTED_AT + (7 * DAYS) / 1000))
    t.equal(world.users.get(user)?.keys.get(key.accessKeyId)?.isActive, true)
    clock.now += 7 * DAYS
    await team.rest()
    t.same([...world.users.keys()], [EARLIER])
    t.ok(world.buckets.has(user), 'its data stays')
    const { calls } = world
    await team.sync()
    t.equal(world.calls, calls, 'and nobody asks any more')
  })

  t.test('goes back when the annotation goes, and the same holds the other way', async (t) => {
    const team = await rebornTeam()
    await team.rest()
    team.asks = {}
    await team.rest()
    const { world, clock } = team.told
    t.equal(world.users.has(EARLIER), true, 'in its grace')
    clock.now += 7 * DAYS
    await team.rest()
    t.same([...world.users.keys()], [team.user])
    t.not(team.user, EARLIER)
    t.ok(world.buckets.has(EARLIER), 'its data stays')
  })

  t.test('takes everything with it when it goes', async (t) => {
    const team = await settledTeam()
    const { world, context } = team.told
    world.buckets.add(EARLIER)
    team.asks = { adoptBucket: EARLIER, createdAt: timeText(STARTED_AT - 60) }
    await team.rest()
    t.equal(world.users.size, 2, 'in its grace')
    await finalize(context, team.profile)
    t.equal(world.users.size, 0)
  })

  const forgetful: [what: string, happens: (team: Team) => void][] = [
    [
      'its Secret is deleted',
      (team) => {
        team.secret = undefined
      }
    ],
    ['it is under suspicion', (team) => team.told.context.memory.suspect(team.user)]
  ]
  for (const [what, happens] of forgetful) {
    t.test(`does not forget whom it replaced when ${what}`, async (t) => {
      const team = await rebornTeam()
      await team.rest()
      team.asks = {}
      await team.rest()
      happens(team)
      await team.rest()
      team.told.clock.now += 7 * DAYS
      await team.rest()
      t.same([...team.told.world.users.keys()], [team.user])
    })
  }

  t.test('takes the name that it has given up with it', async (t) => {
    for (const isSynced of [true, false]) {
      const team = await rebornTeam()
      await team.rest()
      team.asks = {}
      if (isSynced) await team.rest()
      await finalize(team.told.context, team.profile)
      t.equal(team.told.world.users.size, 0, isSynced ? 'in its grace' : 'before any sync')
    }
  })

  t.test('a late finalize of a settled life leaves other lives alone', async (t) => {
    const team = await settledTeam()
    const { told, profile: earlier } = team
    const later = new Team(told)
    later.asks = { incarnation: 'uid-of-its-second-life' }
    await later.rest()
    await finalize(told.context, earlier)
    t.ok(await later.works(later.key))
  })

  t.test('never comes back to a key from before a revocation', async (t) => {
    const team = await settledTeam()
    const { told, key: leaked } = team
    told.world.buckets.add(EARLIER)
    told.clock.now += 60_000
    team.revoke()
    await team.rest()
    team.asks = { adoptBucket: EARLIER, createdAt: timeText(STARTED_AT - 60) }
    await team.rest()
    told.clock.now += 7 * DAYS
    await team.rest()
    team.asks = {}
    await team.rest()
    t.not(team.key.accessKeyId, leaked.accessKeyId)
    t.notOk(await team.works(leaked))
  })

  t.test('an old revocation takes no grace from what is newer', async (t) => {
    const team = await settledTeam()
    const { told, user } = team
    told.world.buckets.add(EARLIER)
    told.clock.now += 60_000
    team.revoke()
    await team.rest()
    const { key } = team
    told.clock.now += DAYS
    team.asks = { ...team.asks, adoptBucket: EARLIER, createdAt: timeText(STARTED_AT - 60) }
    await team.rest()
    t.equal(told.world.users.get(user)?.keys.get(key.accessKeyId)?.isActive, true)
  })

  t.test('loses what a stale sync under its other name brings back', async (t) => {
    const team = await settledTeam()
    const { told } = team
    const stale = team.profile
    told.world.buckets.add(EARLIER)
    team.asks = { adoptBucket: EARLIER, createdAt: timeText(STARTED_AT - 60) }
    await team.rest()
    told.clock.now += 7 * DAYS
    await team.rest()
    await sync(newContext(told.context.store, told.clock), stale)
    t.equal(told.world.users.size, 2)
    await audit(told.context, new AbortController().signal)
    await team.rest()
    told.clock.now += 7 * DAYS
    await team.rest()
    t.same([...told.world.users.keys()], [EARLIER])
  })

  t.test('keeps no key alive by a name that it cannot adopt', async (t) => {
    const team = await settledTeam()
    const { world, context } = team.told
    team.asks = { adoptBucket: 'mlpipeline' }
    await t.rejects(finalize(context, team.profile), { code: 'S3P_INVALID_PROFILE' })
    t.equal(world.users.size, 0)
    team.asks = {}
    await sync(context, team.profile)
    t.ok(await team.works(team.key), 'nor takes it for proven when it comes back')
  })

  t.test('loses the rest of it at once when it revokes', async (t) => {
    const team = await settledTeam()
    const { world } = team.told
    world.buckets.add(EARLIER)
    const { user } = team
    team.asks = { adoptBucket: EARLIER, createdAt: timeText(STARTED_AT - 60) }
    team.told.clock.now += 60_000
    team.revoke()
    await team.rest()
    t.notOk(world.users.has(user))
  })
})

t.test(
  'in the shared layout users of other lives of the profile go with their policies',
  async (t) => {
    const environment = { BUCKET_LAYOUT: 'shared' }
    const earlier = await settledTeam(environment)
    const { told } = earlier
    const team = new Team(told)
    team.asks = { incarnation: 'uid-of-its-second-life' }
    // The Namespace lost its owner: same Secret, other incarnation.
    team.secret = earlier.secret
    await team.rest()
    told.clock.now += 7 * DAYS
    await team.rest()
    t.same([...told.world.users.keys()], [team.user])
    t.equal(told.world.policies.size, 1)
  }
)
