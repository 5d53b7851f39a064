import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { type AuditReport, audit, auditEvery } from '../src/audit.ts'
import { digestOf } from '../src/desired/credentials.ts'
import { type Identity, NO_FINDINGS } from '../src/desired/identity.ts'
import type { ObjectStore, Survey } from '../src/object-store/object-store.ts'
import { budget, profile } from './fixtures/builders.ts'
import type { FakeUser } from './fixtures/fake-world.ts'
import { newContext, newStory, settle } from './fixtures/story.ts'
import { settledTeam, type Team } from './fixtures/team.ts'

const NEVER = new AbortController().signal
const NOTHING: Identity = { accessKeys: [], policies: [], inlinePolicies: [], groups: [] }

function findingsOf(report: AuditReport) {
  return Object.entries(report.findings).flatMap(([finding, count]) => (count > 0 ? [finding] : []))
}

t.test('the audit', async (t) => {
  t.test('finds nothing in a store as it was left, and writes nothing', async (t) => {
    const told = newStory()
    for (const namespace of ['team-a', 'team-b']) {
      await settle(told.context, profile({ namespace, incarnation: `uid-of-${namespace}` }))
    }
    const { writes } = told.world
    const before = writes.length
    t.same(await audit(told.context, NEVER), { users: 2, unclaimed: 0, findings: NO_FINDINGS })
    t.equal(writes.length, before)
    t.same(told.warnings, [])
  })

  const damages: [finding: string, damage: (user: FakeUser, team: Team) => void][] = [
    [
      'foreign-key',
      ({ keys }) => keys.set('MADEBYATENANT', { secretAccessKey: 's', isActive: true })
    ],
    [
      'foreign-policy',
      (user) => {
        user.inlinePolicies = ['mine']
      }
    ],
    [
      'foreign-policy',
      (user) => {
        user.groups = ['mine']
      }
    ],
    [
      'foreign-policy',
      ({ policies }, { told }) => {
        told.world.policies.set('mine', { Version: '2012-10-17', Statement: [] })
        policies.add('mine')
      }
    ],
    [
      'edited-policy',
      ({ policies }, { told }) => {
        const [name = ''] = policies
        const { Version = '', Statement = [] } = told.world.policies.get(name) ?? {}
        told.world.policies.set(name, { Version, Statement: Statement.slice(1) })
      }
    ],
    ['missing-policy', ({ policies }) => policies.clear()],
    ['missing-key', ({ keys }) => keys.clear()],
    [
      'disabled-key',
      ({ keys }) => {
        for (const key of keys.values()) key.isActive = false
      }
    ]
  ]
  for (const layout of ['per-profile', 'shared']) {
    for (const [index, [finding, damage]] of damages.entries()) {
      t.test(`finds a ${finding}, and the next syncs mend it (${layout}, ${index})`, async (t) => {
        const team = await settledTeam({ BUCKET_LAYOUT: layout })
        const { world, context } = team.told
        const key = team.key
        const user = world.users.get(team.user) as FakeUser
        damage(user, team)
        t.same(findingsOf(await audit(context, NEVER)), [finding])
        await team.rest()
        t.same(team.key, key)
        t.same(team.live, [key.accessKeyId])
        t.ok(await team.works(key))
        t.same(await audit(context, NEVER), { users: 1, unclaimed: 0, findings: NO_FINDINGS })
        const { calls } = world
        await team.sync()
        t.equal(world.calls, calls, 'and nobody asks any more')
      })
    }
  }

  t.test('leaves the last policy that was edited to nobody', async (t) => {
    const team = await settledTeam()
    const { world, context } = team.told
    const [name = ''] = world.policies.keys()
    world.policies.set(name, { Version: '2012-10-17', Statement: [] })
    await audit(context, NEVER)
    await team.rest()
    t.same([...world.policies.keys()], [`${name}-2`], 'the edited one went with its last user')
  })

  t.test('leaves a grace alone', async (t) => {
    const team = await settledTeam()
    const before = team.key
    team.told.clock.now += 3_600_000
    team.rotate()
    await team.rest()
    t.same(findingsOf(await audit(team.told.context, NEVER)), [])
    const { secret } = team
    await team.rest()
    t.same(team.secret, secret, 'the answer is stable')
    t.ok(await team.works(before))
  })

  t.test('counts users that no profile asked for, and judges them all the same', async (t) => {
    const team = await settledTeam()
    team.told.world.users.get(team.user)?.policies.clear()
    const other = newContext(team.told.context.store, team.told.clock)
    const report = await audit(other, NEVER)
    t.match(report, { users: 1, unclaimed: 1, findings: { 'missing-policy': 1 } })
    await team.rest(other)
    t.match(await audit(other, NEVER), { unclaimed: 0, findings: NO_FINDINGS })
  })

  t.test('knows the policy of an unclaimed user only where all have the same', async (t) => {
    const team = await settledTeam({ BUCKET_LAYOUT: 'shared' })
    team.told.world.users.get(team.user)?.policies.clear()
    const environment = { BUCKET_LAYOUT: 'shared' }
    const other = newContext(team.told.context.store, team.told.clock, environment)
    t.match(await audit(other, NEVER), { unclaimed: 1, findings: NO_FINDINGS })
  })

  t.test('has nothing to do with users that are not ours', async (t) => {
    const { context, world, warnings } = newStory()
    const keys = new Map([['K', { secretAccessKey: 's', isActive: true }]])
    for (const name of ['admin', 'team-a', 'profile-team-a-01234567']) {
      world.users.set(name, { policies: new Set(['mine']), keys })
    }
    t.same(await audit(context, NEVER), { users: 0, unclaimed: 0, findings: NO_FINDINGS })
    t.same(warnings, [])
  })

  t.test('takes no offence at a user that goes meanwhile', async (t) => {
    const team = await settledTeam()
    const { store } = team.told.context
    const listUsers = async () => [team.user, 'profile-team-z-01234567']
    const context = { ...team.told.context, store: { ...store, listUsers } }
    t.match(await audit(context, NEVER), { users: 1 })
  })

  t.test('says how far it is on a large store', async (t) => {
    const { context } = newStory()
    const listUsers = async () => Array.from({ length: 1001 }, (_, index) => `somebody-${index}`)
    const said: object[] = []
    const log = { ...context.log, info: (fields: object) => said.push(fields) }
    await audit({ ...context, log, store: { ...context.store, listUsers } }, NEVER)
    t.same(said, [
      { audited: 500, of: 1001 },
      { audited: 1000, of: 1001 }
    ])
  })
})

t.test('the audit where one look shows everybody', async (t) => {
  /** What the filer's service would say of the fake's world. */
  function surveyOf({ world }: Pick<Team['told'], 'world'>, store: ObjectStore) {
    return async (): Promise<Survey> => {
      const identities = new Map<string, Identity>()
      const secretDigests = new Map<string, Map<string, string>>()
      for (const [name, { keys }] of world.users) {
        const live = await store.readIdentity(name, budget())
        if (live) identities.set(name, live)
        const digests = [...keys].map(([id, key]) => [id, digestOf(key.secretAccessKey)] as const)
        secretDigests.set(name, new Map(digests))
      }
      return { identities, secretDigests, policies: new Map(world.policies) }
    }
  }

  async function surveyed(team: Team) {
    const { context, world } = team.told
    const { store } = context
    let reads = 0
    const survey = await surveyOf({ world }, store)()
    const readIdentity: ObjectStore['readIdentity'] = (...args) => {
      reads += 1
      return store.readIdentity(...args)
    }
    const surveyIdentities = async () => survey
    const report = await audit(
      { ...context, store: { ...store, surveyIdentities, readIdentity } },
      NEVER
    )
    return { report, reads }
  }

  t.test('reads nobody who is as he was left', async (t) => {
    const team = await settledTeam()
    team.told.world.users.set('somebody', { policies: new Set(), keys: new Map() })
    t.strictSame(await surveyed(team), {
      report: { users: 1, unclaimed: 0, findings: NO_FINDINGS },
      reads: 0
    })
  })

  t.test('finds a key with another secret, and the next syncs mend it', async (t) => {
    const team = await settledTeam()
    const { key } = team
    const stored = team.told.world.users.get(team.user)?.keys.get(key.accessKeyId)
    if (stored) stored.secretAccessKey = 'of somebody else'
    const { report, reads } = await surveyed(team)
    t.strictSame([findingsOf(report), reads], [['wrong-secret'], 1])
    await team.rest()
    t.same(team.key, key)
    t.ok(await team.works(key))
    t.strictSame(findingsOf((await surveyed(team)).report), [])
  })

  t.test('looks again at a user that it saw in the middle of a sync', async (t) => {
    const team = await settledTeam()
    const { context, world } = team.told
    const survey = await surveyOf({ world }, context.store)()
    const halfway: Survey = {
      ...survey,
      identities: new Map([[team.user, { ...NOTHING, policies: [] }]])
    }
    const store = { ...context.store, surveyIdentities: async () => halfway }
    t.strictSame(findingsOf(await audit({ ...context, store }, NEVER)), [])
  })
})

t.test('the audit does not take a key for false that is newer than its look', async (t) => {
  const team = await settledTeam()
  const { context, world } = team.told
  const { accessKeys, ...rest } = (await context.store.readIdentity(
    team.user,
    budget()
  )) as Identity
  const before: Survey = {
    identities: new Map([[team.user, { ...rest, accessKeys: [] }]]),
    secretDigests: new Map([[team.user, new Map()]]),
    policies: new Map(world.policies)
  }
  t.equal(accessKeys.length, 1)
  const store = { ...context.store, surveyIdentities: async () => before }
  t.strictSame(findingsOf(await audit({ ...context, store }, NEVER)), [])
})

t.test('auditEvery', async (t) => {
  t.test('goes on after a failure, and ends with the signal', async (t) => {
    const { context, warnings } = newStory()
    const stop = new AbortController()
    const outcomes: (AuditReport | 'failed')[] = []
    const auditEnded = (outcome: AuditReport | 'failed') => {
      outcomes.push(outcome)
      if (outcomes.length === 3) stop.abort()
    }
    let passes = 0
    const listUsers = async () => {
      passes += 1
      if (passes === 2) throw new Error('the store is down')
      return []
    }
    const store = { ...context.store, listUsers }
    await auditEvery(1, 1, { ...context, store, metrics: { auditEnded } }, stop.signal)
    t.same(outcomes, [
      { users: 0, unclaimed: 0, findings: NO_FINDINGS },
      'failed',
      { users: 0, unclaimed: 0, findings: NO_FINDINGS }
    ])
    t.same(warnings, ['the audit could not be finished; the next one comes after AUDIT_INTERVAL'])
  })

  t.test('waits as long as a timer can where many replicas look seldom', async (t) => {
    const { context } = newStory()
    t.intercept(Math, 'random', { value: () => 0.9 })
    const auditEnded = () => t.fail('nobody audits within 20 ms')
    const stop = AbortSignal.timeout(20)
    await auditEvery(7 * 86_400_000, 100, { ...context, metrics: { auditEnded } }, stop)
  })

  t.test('an end in the middle of a pass is no failure', async (t) => {
    const { context, warnings } = newStory()
    const stop = new AbortController()
    const store = {
      ...context.store,
      listUsers: async () => {
        stop.abort()
        await pause(1)
        throw new Error('aborted')
      }
    }
    const auditEnded = () => t.fail('nothing ended')
    await auditEvery(1, 1, { ...context, store, metrics: { auditEnded } }, stop.signal)
    t.same(warnings, [])
  })
})
