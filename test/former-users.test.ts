import t from 'tap'
import type { Profile } from '../src/profile.ts'
import { observing, profile } from './fixtures/builders.ts'
import { accessKeyIdIn, finalize, newStory, type Story, sync } from './fixtures/story.ts'

const DAYS = 86_400_000
const LEGACY_KEY = { accessKeyId: 'DRAWNBYSYNCPY', secretAccessKey: 'secret-of-sync-py' }

/** A store and a cluster as sync.py leaves them. */
function afterSyncPy(
  inlinePolicies = ['KubeflowProjectteam-a'],
  overrides: { keyId?: string; policies?: string[] } = {}
): { told: Story; observed: Profile } {
  const told = newStory()
  const { keyId = LEGACY_KEY.accessKeyId, policies = [] } = overrides
  const { secretAccessKey } = LEGACY_KEY
  told.world.users.set('team-a', {
    policies: new Set(policies),
    keys: new Map([[keyId, { secretAccessKey, isActive: true }]]),
    inlinePolicies
  })
  const memory = {
    uid: 'secret-of-sync-py',
    seal: undefined,
    issuedAt: undefined,
    state: undefined
  }
  const observedSecret = { ...memory, accessKeyId: keyId, secretAccessKey }
  return { told, observed: profile({ observedSecret }) }
}

/** Syncs as Metacontroller does after each change of the Secret, for so many rounds. */
async function rounds(told: Story, before: Profile, count: number) {
  let observed = before
  const outcomes = []
  for (let round = 0; round < count; round++) {
    const outcome = await sync(told.context, observed)
    outcomes.push(outcome)
    observed = observing(observed, outcome.attachments, 'secret-of-sync-py')
  }
  return { observed, outcomes }
}

t.test('takeover from sync.py', async (t) => {
  t.test(
    'the Secret gets a derived key at once, and the old key works for the grace',
    async (t) => {
      const { told, observed } = afterSyncPy()
      const { outcomes } = await rounds(told, observed, 3)
      t.not(accessKeyIdIn(outcomes[0] as never), LEGACY_KEY.accessKeyId)
      t.equal(told.world.users.get('team-a')?.keys.get(LEGACY_KEY.accessKeyId)?.isActive, true)
      const [, , last] = outcomes
      t.equal(last?.resyncAfterSeconds, 86_400, 'the end of the grace is a week off')
    }
  )

  t.test('after the grace its key is disabled, then the user goes, then nobody asks', async (t) => {
    const { told, observed } = afterSyncPy()
    const during = await rounds(told, observed, 2)
    told.clock.now += 7 * DAYS
    const disabled = await rounds(told, during.observed, 1)
    t.equal(told.world.users.get('team-a')?.keys.get(LEGACY_KEY.accessKeyId)?.isActive, false)
    const removed = await rounds(told, disabled.observed, 1)
    t.notOk(told.world.users.has('team-a'))
    const settled = await rounds(told, removed.observed, 1)
    const { calls } = told.world
    await rounds(told, settled.observed, 1)
    t.equal(told.world.calls, calls)
  })

  t.test('a revocation leaves it no grace, once the new key was seen', async (t) => {
    const { told, observed } = afterSyncPy()
    const revoked = { ...observed, revokeBefore: '2027-01-01T00:00:00Z' }
    const first = await rounds(told, revoked, 1)
    t.equal(told.world.users.get('team-a')?.keys.get(LEGACY_KEY.accessKeyId)?.isActive, true)
    const second = await rounds(told, first.observed, 1)
    t.equal(told.world.users.get('team-a')?.keys.get(LEGACY_KEY.accessKeyId)?.isActive, false)
    await rounds(told, second.observed, 1)
    t.notOk(told.world.users.has('team-a'))
  })

  t.test('goes with its profile, without a grace', async (t) => {
    const { told, observed } = afterSyncPy()
    await rounds(told, observed, 2)
    const finalized = await finalize(told.context, observed)
    t.notOk(told.world.users.has('team-a'))
    t.equal(finalized.finalized, false, 'and then it is looked for once more')
  })

  const others: [what: string, inlinePolicies: string[], overrides: object][] = [
    ['with another right', ['KubeflowProjectteam-a', 'mine'], {}],
    ['with an attached policy', ['KubeflowProjectteam-a'], { policies: ['mine'] }],
    ['that is not sync.py’s', [], {}],
    ['that is the store’s admin', ['KubeflowProjectteam-a'], { keyId: 'ADMINACCESSKEY' }]
  ]
  for (const [what, inlinePolicies, overrides] of others) {
    t.test(`a user of that name ${what} is never touched`, async (t) => {
      const { told, observed } = afterSyncPy(inlinePolicies, overrides)
      const before = structuredClone(told.world.users.get('team-a'))
      const during = await rounds(told, observed, 2)
      told.clock.now += 30 * DAYS
      await rounds(told, during.observed, 3)
      await finalize(told.context, observed)
      t.same(told.world.users.get('team-a'), before)
    })
  }

  for (const keyId of ['minio', 'ADMINACCESSKEY']) {
    t.test(`a profile that held ${keyId} gets its own key at once, and that is told`, async (t) => {
      const { told, observed } = afterSyncPy([], { keyId })
      const { outcomes } = await rounds(told, observed, 1)
      t.match(accessKeyIdIn(outcomes[0] as never), /^KFP/)
      t.same(told.warnings, ['the profile held a key of the store’s admin'])
    })
  }
})
