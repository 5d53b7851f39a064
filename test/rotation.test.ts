import t from 'tap'
import type { Attachment } from '../src/desired/attachments.ts'
import { accessKeyFor, sealFor } from '../src/desired/credentials.ts'
import { planFor } from '../src/desired/plan.ts'
import { rotationFor } from '../src/desired/rotation.ts'
import type { ObjectStore } from '../src/object-store/object-store.ts'
import {
  CREDENTIALS_SECRET,
  ISSUED_ANNOTATION,
  type ObservedSecret,
  STATE_ANNOTATION
} from '../src/profile.ts'
import type { Outcome } from '../src/reconcile.ts'
import { profile, ROOT_KEY } from './fixtures/builders.ts'
import { accessKeyIdIn, finalize, newStory, STARTED_AT, sync } from './fixtures/story.ts'
import { at, otherProcess, settledTeam, Team, watched } from './fixtures/team.ts'

const SECONDS = 1_000
const HOURS = 3_600 * SECONDS
const DAYS = 24 * HOURS
const GRACE = 7 * DAYS

function secretIn({ attachments }: Outcome): Attachment {
  const found = attachments.find(({ metadata }) => metadata.name === CREDENTIALS_SECRET)
  return found as Attachment
}

function stateIn(outcome: Outcome): string | undefined {
  return secretIn(outcome).metadata.annotations?.[STATE_ANNOTATION]
}

function issuedIn(outcome: Outcome): string | undefined {
  return secretIn(outcome).metadata.annotations?.[ISSUED_ANNOTATION]
}

for (const BUCKET_LAYOUT of ['per-profile', 'shared']) {
  t.test(`a rotation by annotation, ${BUCKET_LAYOUT} layout`, async (t) => {
    const team = await settledTeam({ BUCKET_LAYOUT })
    const { told } = team
    const before = team.key
    told.clock.now += 1 * HOURS
    team.rotate()

    const issued = await team.sync()
    t.match(issued, { readiness: 'pending', resyncAfterSeconds: 30 })
    const current = team.key
    t.not(current.accessKeyId, before.accessKeyId)
    t.equal(issuedIn(issued), at(1 * HOURS))
    t.same(team.live, [before.accessKeyId, current.accessKeyId])

    const observed = await team.sync()
    t.match(observed, { readiness: 'ready', settlingUntil: at(1 * HOURS + GRACE) })
    t.equal(stateIn(observed), 'settling')
    t.same(observed.attachments, issued.attachments, 'the answer is stable')
    for (let day = 0; day < 6; day++) {
      told.clock.now += 1 * DAYS
      t.same(await team.sync(), { ...observed, resyncAfterSeconds: 86_400 })
      t.ok(await team.works(before), 'the key before works through its grace')
    }
    told.clock.now += 1 * DAYS - 10 * SECONDS
    t.same(await team.sync(), { ...observed, resyncAfterSeconds: 10 })
    t.ok(await team.works(before), 'to its last seconds')

    told.clock.now += 10 * SECONDS
    const disabled = await team.sync()
    t.match(disabled, { readiness: 'ready', resyncAfterSeconds: 5 })
    t.notOk('settlingUntil' in disabled)
    t.same(disabled.attachments, issued.attachments)
    t.same(team.live, [`-${before.accessKeyId}`, current.accessKeyId])
    t.notOk(await team.works(before))
    t.equal(told.retired(), 0)

    const removed = await team.sync()
    t.same(team.live, [current.accessKeyId])
    t.equal(stateIn(removed), 'settled')
    t.equal(issuedIn(removed), at(1 * HOURS))
    t.notOk('resyncAfterSeconds' in removed)
    t.equal(told.retired(), 1)

    const { calls } = told.world
    const { rest, ...settled } = await team.sync()
    t.same(settled, removed, 'settled: the answer is stable again')
    t.match(rest, { accessKeyId: current.accessKeyId, dueAt: undefined })
    t.equal(told.world.calls, calls, 'and the store is asked nothing')
    told.clock.now += 1 * DAYS
    const { context, verbs } = watched(told.context)
    t.match(await team.sync(context), removed)
    t.notOk(verbs.includes('readIdentity'), 'nor is IAM when the proof is renewed')
    t.ok(await team.works(current))
  })
}

t.test('a revocation', async (t) => {
  t.test('gives no grace', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.told.clock.now += 1 * HOURS
    team.revoke()
    const issued = await team.sync()
    t.match(issued, { readiness: 'pending' })
    t.ok(await team.works(before), 'but nobody loses a key before the new one is there')
    const observed = await team.sync()
    t.match(observed, { readiness: 'ready', resyncAfterSeconds: 5 })
    t.notOk('settlingUntil' in observed)
    t.notOk(await team.works(before))
    await team.sync()
    t.same(team.live, [team.key.accessKeyId])
  })

  t.test('never comes before the Secret with the new key was observed', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.told.clock.now += 1 * HOURS
    team.revoke()
    for (let day = 0; day < 30; day++) {
      const unseen = await team.syncUnseen(day % 2 ? otherProcess(team) : team.told.context)
      t.match(unseen, { readiness: 'pending', resyncAfterSeconds: 30 })
      t.ok(await team.works(before))
      team.told.clock.now += 1 * DAYS
    }
    team.secret = undefined
    await team.syncUnseen()
    t.ok(await team.works(before), 'nor when it was deleted')
  })

  t.test('ends a grace that is running', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.told.clock.now += 1 * HOURS
    team.rotate()
    await team.rest()
    t.ok(await team.works(before))
    team.revoke()
    const current = team.key
    await team.rest()
    t.same(team.live, [current.accessKeyId], 'the key of that very second is not older than it')
    team.told.clock.now += 1 * HOURS
    team.revoke()
    await team.rest()
    t.not(team.key.accessKeyId, current.accessKeyId)
    t.same(team.live, [team.key.accessKeyId])
  })

  t.test('cannot be undone by an older Secret', async (t) => {
    const team = await settledTeam()
    const stolen = team.secret
    team.told.clock.now += 1 * HOURS
    team.revoke()
    await team.rest()
    const { accessKeyId } = team.key
    for (const process of [team.told.context, otherProcess(team)]) {
      team.secret = stolen
      t.equal(accessKeyIdIn(await team.sync(process)), accessKeyId)
      await team.rest(process)
      t.same(team.live, [accessKeyId])
    }
  })
})

t.test('a rotation by age', async (t) => {
  const MONTHLY = { CREDENTIAL_ROTATION_DAYS: '30' }

  t.test('comes every so many days, and is announced', async (t) => {
    const team = await settledTeam(MONTHLY)
    const { clock } = team.told
    const ids = new Set<string>()
    for (let day = 0; day < 120; day++) {
      await team.rest()
      ids.add(team.key.accessKeyId)
      clock.now += 1 * DAYS
    }
    t.equal(ids.size, 5)
    await team.rest()
    t.ok(team.live.length <= 2)
  })

  t.test('takes effect to the second when it is announced', async (t) => {
    const team = await settledTeam(MONTHLY)
    const { clock } = team.told
    let waited = 0
    const { accessKeyId } = team.key
    while (team.key.accessKeyId === accessKeyId) {
      const { resyncAfterSeconds = 0 } = await team.sync()
      clock.now += resyncAfterSeconds * SECONDS
      waited += 1
    }
    t.ok(waited <= 32, 'without asking more often than once a day')
  })

  t.test('replaces every key once when it is switched on, with a grace', async (t) => {
    const team = await settledTeam()
    const before = team.key
    const monthly = otherProcess(team, MONTHLY)
    await team.rest(monthly)
    t.not(team.key.accessKeyId, before.accessKeyId)
    t.ok(await team.works(before))
  })

  t.test('waits for the grace of the rotation before', async (t) => {
    const team = await settledTeam(MONTHLY)
    const { clock } = team.told
    clock.now = nextBoundary(team) - 1 * HOURS
    const before = team.key
    team.rotate()
    await team.rest()
    const rotated = team.key
    const rotatedAt = clock.now
    while (clock.now < rotatedAt + GRACE) {
      t.ok(await team.works(before), 'the promise is kept')
      t.equal(team.key.accessKeyId, rotated.accessKeyId)
      clock.now += 6 * HOURS
      await team.sync()
    }
    await team.rest()
    t.not(team.key.accessKeyId, rotated.accessKeyId, 'and then the age has its turn')
    t.ok(await team.works(rotated))
    t.notOk(await team.works(before))
  })

  t.test('does not go back when the interval changes or is switched off', async (t) => {
    const team = await settledTeam(MONTHLY)
    const { accessKeyId } = team.key
    for (const days of ['0', '365', '31', '29', '3650']) {
      const other = otherProcess(team, { CREDENTIAL_ROTATION_DAYS: days })
      const epoch = epochIn(team.key.accessKeyId)
      await team.rest(other)
      t.ok(epochIn(team.key.accessKeyId) >= epoch, `to ${days}`)
      t.ok(team.live.includes(team.key.accessKeyId))
    }
    t.ok(epochIn(team.key.accessKeyId) >= epochIn(accessKeyId))
  })
})

t.test('what is asked, and how long it counts', async (t) => {
  t.test('a time to come takes effect when it comes', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.rotate(36 * HOURS)
    const waiting = await team.sync()
    t.match(waiting, { readiness: 'ready', resyncAfterSeconds: 86_400 })
    t.equal(stateIn(waiting), 'settled')
    team.told.clock.now += 24 * HOURS
    t.match(await team.sync(), { resyncAfterSeconds: 12 * 3600 })
    team.told.clock.now += 12 * HOURS - 1 * SECONDS
    t.match(await team.sync(), { resyncAfterSeconds: 5 })
    t.equal(team.key.accessKeyId, before.accessKeyId)
    team.told.clock.now += 1 * SECONDS
    await team.sync()
    t.not(team.key.accessKeyId, before.accessKeyId)
  })

  t.test('a time long gone gives the full grace all the same', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.rotate(-365 * DAYS)
    await team.rest()
    t.not(team.key.accessKeyId, before.accessKeyId)
    team.told.clock.now += GRACE - 1 * SECONDS
    await team.sync()
    t.ok(await team.works(before))
  })

  t.test('the grace counts from the answer that reached the cluster', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.rotate()
    await team.syncUnseen()
    team.told.clock.now += 2 * GRACE
    await team.rest()
    t.ok(await team.works(before))
    team.told.clock.now += GRACE - 10 * SECONDS
    await team.sync()
    t.ok(await team.works(before))
  })

  t.test('an annotation dropped changes nothing', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.told.clock.now += 1 * HOURS
    team.rotate()
    const issued = await team.sync()
    const { key } = team
    team.asks = {}
    t.same((await team.sync()).attachments, issued.attachments)
    t.same((await team.sync(otherProcess(team))).attachments, issued.attachments)
    team.secret = undefined
    await team.sync(otherProcess(team))
    t.same(team.key, key, 'not even when the Secret is gone')
    await team.rest()
    t.ok(await team.works(before))
    team.told.clock.now += GRACE
    await team.rest()
    t.same(team.live, [key.accessKeyId])
  })

  t.test('two rotations in a row while the Secret is not observed', async (t) => {
    const team = await settledTeam()
    const first = team.key
    const issued: string[] = []
    for (let turn = 0; turn < 2; turn++) {
      team.told.clock.now += 1 * HOURS
      team.rotate()
      issued.push(accessKeyIdIn(await team.syncUnseen()))
    }
    const [second = '', third = ''] = issued
    t.same(team.live, [first.accessKeyId, second, third], 'nothing goes')
    team.asks = {}
    t.equal(accessKeyIdIn(await team.sync()), third, 'nor does it go backwards')
    await team.rest()
    t.same(team.live, [second, third], 'only the newest before the current one has a grace')
    team.told.clock.now += GRACE
    await team.rest()
    t.same(team.live, [third])
  })

  t.test('a malformed annotation is refused by name, and lets the parent go', async (t) => {
    const team = await settledTeam()
    const { calls } = team.told.world
    const malformed = {
      rotateAt: 'rotate-credentials-at',
      revokeBefore: 'revoke-credentials-before'
    }
    for (const [ask, name] of Object.entries(malformed)) {
      team.asks = { [ask]: 'tomorrow' }
      const message = `Annotation pipelines.kubeflow.org/${name} must be a time`
      await t.rejects(team.sync(), { code: 'S3P_INVALID_PROFILE', statusCode: 422, message })
      t.equal(team.told.world.calls, calls)
      for (const leaving of [{ isOptedIn: false }, { isTerminating: true }]) {
        const outcome = await sync(team.told.context, { ...team.profile, ...leaving })
        t.same(outcome, { attachments: [], readiness: 'gone' })
      }
    }
    await finalize(team.told.context, team.profile)
    t.equal(team.told.world.users.size, 0)
  })
})

t.test('clocks that are wrong', async (t) => {
  t.test('jumping back and forth, no key goes backwards or loses its grace', async (t) => {
    const team = await settledTeam()
    const { clock } = team.told
    clock.now += 10 * DAYS
    const before = team.key
    team.rotate()
    const rotatedAt = clock.now
    await team.rest()
    const { key } = team
    for (const jump of [-1 * SECONDS, -1 * HOURS, -5 * DAYS, -365 * DAYS, 6 * DAYS]) {
      clock.now = rotatedAt + jump
      for (const process of [team.told.context, otherProcess(team)]) {
        await team.sync(process)
        t.same(team.key, key, `${jump}`)
        t.equal(team.secret?.issuedAt, at(rotatedAt), 'its age is not forgotten')
        t.ok(await team.works(before))
      }
    }
    clock.now = rotatedAt + GRACE
    await team.rest()
    t.same(team.live, [key.accessKeyId])
  })

  t.test('two replicas a minute apart agree', async (t) => {
    const team = await settledTeam()
    const before = team.key
    const [ahead, behind] = [otherProcess(team, {}, 60 * SECONDS), otherProcess(team)]
    team.rotate(30 * SECONDS)
    await team.sync(behind)
    t.same(team.key, before, 'not yet, says one')
    const issued = await team.sync(ahead)
    const { key } = team
    t.not(key.accessKeyId, before.accessKeyId, 'now, says the other')
    for (let turn = 0; turn < 3; turn++) {
      for (const process of [behind, ahead]) {
        t.same((await team.sync(process)).attachments, issued.attachments)
      }
    }
    team.told.clock.now += GRACE
    for (const process of [behind, ahead, behind, ahead, behind]) await team.sync(process)
    t.same(team.live, [key.accessKeyId])
    t.equal(team.secret?.accessKeyId, key.accessKeyId)
  })

  t.test('a key of the future stays', async (t) => {
    const environment = { CREDENTIAL_ROTATION_DAYS: '30' }
    const team = await settledTeam(environment)
    await team.sync(otherProcess(team, environment, 365 * DAYS))
    const { key } = team
    await team.rest()
    t.same(team.key, key)
    t.ok(epochIn(key.accessKeyId) > team.told.context.now())

    await finalize(team.told.context, team.profile)
    team.secret = undefined
    await team.rest()
    t.ok(epochIn(team.key.accessKeyId) < team.told.context.now(), 'until the profile opts out')
  })
})

t.test('views that are stale', async (t) => {
  t.test('an older Secret does not win over a newer key that is proven', async (t) => {
    const team = await settledTeam()
    const stale = team.secret
    team.told.clock.now += 1 * HOURS
    team.rotate()
    await team.rest()
    const { accessKeyId } = team.key
    team.asks = {}
    for (const ms of [0, 1 * HOURS, 6 * DAYS]) {
      team.told.clock.now += ms
      team.secret = stale
      t.equal(accessKeyIdIn(await team.sync()), accessKeyId)
      t.equal(team.live.length, 2)
    }
  })

  t.test('another replica takes a newer key for the current one', async (t) => {
    const team = await settledTeam()
    team.told.clock.now += 1 * HOURS
    team.rotate()
    await team.rest()
    const stale = team.secret
    team.told.clock.now += 1 * HOURS
    team.rotate()
    await team.rest()
    const { accessKeyId } = team.key
    const { live } = team
    team.asks = {}
    // Long after the grace of the key in the stale view: everything beside it would have to go.
    team.told.clock.now += 2 * GRACE
    team.secret = stale
    const outcome = await team.sync(otherProcess(team))
    t.equal(outcome.readiness, 'pending')
    t.equal(accessKeyIdIn(outcome), accessKeyId)
    t.same(team.live, live, 'and nothing is taken away')
  })

  t.test('a proof of the newer key retires nothing before the Secret has it', async (t) => {
    const team = await settledTeam()
    const stale = team.secret
    const before = team.key
    team.told.clock.now += 1 * HOURS
    team.revoke()
    await team.syncUnseen()
    for (let turn = 0; turn < 3; turn++) {
      team.secret = stale
      t.match(await team.syncUnseen(), { readiness: 'pending' })
      t.ok(await team.works(before))
    }
  })
})

t.test('a store that lost the current key keeps the one before until it is back', async (t) => {
  const damages: ((keys: Map<string, { isActive: boolean }>, id: string) => void)[] = [
    (keys, id) => keys.delete(id),
    (keys, id) => {
      const key = keys.get(id)
      if (key) key.isActive = false
    }
  ]
  for (const damage of damages) {
    const team = await settledTeam()
    const before = team.key
    team.told.clock.now += 1 * HOURS
    team.revoke()
    await team.sync()
    damage(team.told.world.users.get(team.user)?.keys ?? new Map(), team.key.accessKeyId)
    await team.sync()
    t.ok(await team.works(team.key), 'although its proof was fresh')
    t.ok(await team.works(before))
    await team.rest()
    t.same(team.live, [team.key.accessKeyId])
  }

  const team = await settledTeam()
  team.rotate()
  await team.sync()
  team.told.world.users.clear()
  await team.rest()
  t.same(team.live, [team.key.accessKeyId], 'a user that is gone comes back')
})

t.test('a change of the root key', async (t) => {
  const OTHER = 'another-root-key-of-32-bytes-or-more'
  const CHANGED = { CREDENTIAL_ROOT_KEY: OTHER, CREDENTIAL_ROOT_KEY_PREVIOUS: ROOT_KEY }
  const BACK = { CREDENTIAL_ROOT_KEY: ROOT_KEY, CREDENTIAL_ROOT_KEY_PREVIOUS: OTHER }

  t.test('gives the keys of the previous one their grace', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.rotate()
    await team.rest()
    const rotated = team.key
    const changed = otherProcess(team, CHANGED)
    team.told.clock.now += 1 * DAYS
    await team.rest(changed)
    const epoch = epochIn(rotated.accessKeyId)
    t.same(team.key, accessKeyFor(Buffer.from(OTHER), team.user, epoch), 'at the same epoch')
    t.ok(await team.works(rotated))
    t.notOk(await team.works(before), 'but to the newest of them alone')
    team.told.clock.now += GRACE - 1 * SECONDS
    t.match(await team.sync(changed), { settlingUntil: at(1 * DAYS + GRACE) })
    t.ok(await team.works(rotated))
    team.told.clock.now += 1 * SECONDS
    await team.rest(changed)
    t.same(team.live, [team.key.accessKeyId])
  })

  t.test('can be taken back', async (t) => {
    const team = await settledTeam()
    const before = team.key
    await team.rest(otherProcess(team, CHANGED))
    const changed = team.key
    team.told.clock.now += 1 * DAYS
    const back = otherProcess(team, BACK)
    await team.rest(back)
    t.same(team.key, before)
    t.equal(team.secret?.issuedAt, at(1 * DAYS))
    t.ok(await team.works(changed))
    team.told.clock.now += GRACE
    await team.rest(back)
    t.same(team.live, [before.accessKeyId])
  })

  t.test('without the previous one gives no grace, but waits for the Secret', async (t) => {
    const team = await settledTeam()
    const before = team.key
    const changed = otherProcess(team, { CREDENTIAL_ROOT_KEY: OTHER })
    await team.syncUnseen(changed)
    t.ok(await team.works(before))
    await team.rest(changed)
    t.notOk(await team.works(before))
    t.same(team.live, [team.key.accessKeyId])
  })

  t.test('gives no grace to what was revoked', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.told.clock.now += 1 * HOURS
    team.revoke()
    await team.rest(otherProcess(team, CHANGED))
    t.notOk(await team.works(before))
  })
})

t.test('tenants who write into their Secret', async (t) => {
  /** In the middle of its grace. */
  async function settlingTeam() {
    const team = await settledTeam()
    const before = team.key
    team.told.clock.now += 1 * HOURS
    team.rotate()
    const answer = await team.rest()
    return { team, before, answer }
  }
  const edit = (team: Team, overrides: Partial<ObservedSecret>) => {
    team.secret = { ...(team.secret as ObservedSecret), ...overrides }
  }

  for (const issuedAt of [undefined, '', 'soon', '9999-12-31T23:59:59Z', at(30 * DAYS)]) {
    t.test(`cannot keep an older key for ever by issued-at ${issuedAt}`, async (t) => {
      const { team, before } = await settlingTeam()
      edit(team, { issuedAt })
      const mended = await team.sync()
      t.equal(issuedIn(mended), at(1 * HOURS), 'it counts as now')
      t.same((await team.sync()).attachments, mended.attachments, 'and the answer is stable')
      team.told.clock.now += GRACE
      await team.rest()
      t.notOk(await team.works(before))
    })
  }

  t.test('only end their grace sooner by a time that has been', async (t) => {
    const { team, before } = await settlingTeam()
    edit(team, { issuedAt: at(-GRACE) })
    await team.rest()
    t.notOk(await team.works(before))
    t.same(team.live, [team.key.accessKeyId])
  })

  t.test('cannot pass for settled', async (t) => {
    const { team, before, answer } = await settlingTeam()
    const settled = await settledTeam()
    for (const seal of [undefined, '', 'settled', settled.secret?.seal]) {
      edit(team, { seal })
      for (const process of [otherProcess(team), team.told.context]) {
        await team.rest(process)
        t.same((await team.sync(process)).attachments, answer.attachments)
      }
    }
    team.told.clock.now += GRACE
    await team.rest()
    t.notOk(await team.works(before))
  })

  t.test('lose a key of their own making while the profile settles', async (t) => {
    const { team, before } = await settlingTeam()
    const made = { accessKeyId: 'MADEBYTENANT', secretAccessKey: 'secret' }
    const keys = team.told.world.users.get(team.user)?.keys
    keys?.set(made.accessKeyId, { secretAccessKey: made.secretAccessKey, isActive: true })
    t.ok(await team.works(made))
    t.match(await team.sync(), { resyncAfterSeconds: 5, settlingUntil: at(1 * HOURS + GRACE) })
    t.notOk(await team.works(made), 'disabled at one sync')
    await team.sync()
    t.same(team.live, [before.accessKeyId, team.key.accessKeyId], 'and removed at the next')
  })

  t.test('get the key in force again if they delete the Secret', async (t) => {
    const { team, before, answer } = await settlingTeam()
    team.secret = undefined
    await team.sync(otherProcess(team))
    t.equal(team.key.accessKeyId, accessKeyIdIn(answer))
    t.ok(await team.works(before))
  })
})

t.test('an installation from before rotation', async (t) => {
  /** What it left: a Secret sealed, without the annotations. */
  async function oldTeam() {
    const team = new Team(newStory())
    const { policy } = planFor(profile(), team.told.context.settings)
    await team.sync()
    const seal = sealFor(Buffer.from(ROOT_KEY), team.key.accessKeyId, policy.name, 'settling')
    team.secret = { ...(team.secret as ObservedSecret), seal, issuedAt: undefined }
    return team
  }

  t.test('settles with one look at IAM and no write', async (t) => {
    const team = await oldTeam()
    const writes = team.told.world.writes.length
    const { key } = team
    const { context, verbs } = watched(otherProcess(team))
    const first = await team.sync(context)
    t.match(first, { readiness: 'ready' })
    t.equal(stateIn(first), 'settled')
    await team.sync(context)
    t.same(team.key, key)
    const reads = verbs.filter((verb) => verb === 'readIdentity').length
    t.equal(reads, 2, 'of its own user, and of sync.py’s')
    t.equal(team.told.world.writes.length, writes)
  })

  t.test('loses the keys that nobody had taken away', async (t) => {
    const team = await oldTeam()
    const keys = team.told.world.users.get(team.user)?.keys
    keys?.set('OFANOLDERROOTKEY', { secretAccessKey: 's', isActive: true })
    const { key } = team
    await team.rest(otherProcess(team))
    t.same(team.live, [key.accessKeyId])
    t.same(team.key, key)
  })

  t.test('rotates by age only when it has settled', async (t) => {
    const team = await oldTeam()
    const { key } = team
    const monthly = otherProcess(team, { CREDENTIAL_ROTATION_DAYS: '30' })
    t.equal(stateIn(await team.sync(monthly)), 'settled')
    await team.sync(monthly)
    t.not(team.key.accessKeyId, key.accessKeyId)
    await team.sync(monthly)
    t.ok(await team.works(key))
  })
})

t.test('a retirement that is cut off goes on at the next sync', async (t) => {
  for (const verb of ['disableAccessKey', 'deleteAccessKey'] as const) {
    for (const isDone of [false, true]) {
      const team = await settledTeam()
      team.told.clock.now += 1 * HOURS
      team.revoke()
      const { store } = team.told.context
      const cut: ObjectStore[typeof verb] = async (...args) => {
        if (isDone) await store[verb](...args)
        throw new Error('connection reset')
      }
      const failing = { ...team.told.context, store: { ...store, [verb]: cut } }
      await t.rejects(team.rest(failing), { message: 'connection reset' })
      await team.rest()
      t.same(team.live, [team.key.accessKeyId], `${verb}, done: ${isDone}`)
    }
  }
})

/** When age asks for the next key, on the story's clock. */
function nextBoundary({ told, user }: Team): number {
  const { settings, now } = told.context
  const plan = { user, replacedUser: undefined }
  const { nextAt = 0 } = rotationFor(profile(), plan, settings, false, now())
  return (nextAt - STARTED_AT) * SECONDS
}

/** The epoch that a key id carries in clear. */
function epochIn(accessKeyId: string): number {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const characters = [...accessKeyId.slice(3, 10)]
  return characters.reduce((value, character) => value * 32 + alphabet.indexOf(character), 0)
}
