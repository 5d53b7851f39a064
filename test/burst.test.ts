import t from 'tap'
import { config } from './fixtures/builders.ts'
import { emptyWorld, type Link } from './fixtures/fake-world.ts'
import { CONTROLLER_NAMES } from './fixtures/simulation/controller-names.ts'
import { startHookProcess } from './fixtures/simulation/hook-process.ts'
import { ENABLED, namespaceOf } from './fixtures/simulation/laboratory.ts'
import { buildSimulatedCluster } from './fixtures/simulation/simulated-cluster.ts'
import {
  type CallHook,
  startMetacontroller
} from './fixtures/simulation/simulated-metacontroller.ts'
import { buildVirtualTime } from './fixtures/simulation/virtual-time.ts'
import { STARTED_AT } from './fixtures/story.ts'

const PROFILES = 100
const READ_MS = 5
const READY = 'pipelines.kubeflow.org/object-storage'

/** What a write of identities costs, by how many users there are; on a real store it grows alike. */
type Cost = (users: number) => number

/** A service in virtual time, before which all profiles arrive at once. */
function burst(workers: number, SYNC_BUDGET: string, cost: Cost) {
  const time = buildVirtualTime()
  const cluster = buildSimulatedCluster(time, () => 50, STARTED_AT)
  const world = emptyWorld()
  let writtenMs = 0
  const link: Link = async ({ step, isWrite }, effect) => {
    const isIdentity = isWrite && !step.includes('bucket ')
    const ms = isIdentity ? cost(world.users.size) : READ_MS
    if (isWrite) writtenMs += ms
    await time.wait(ms)
    return effect()
  }
  const hook = startHookProcess({
    time,
    world,
    link,
    config: config({ SYNC_BUDGET }),
    wallClock: () => STARTED_AT + Math.floor(time.now / 1000),
    watcher: { began() {}, answered() {}, failed() {} }
  })
  const outcomes = new Map<string, number>()
  let slowestMs = 0
  const callHook: CallHook = async (name, body) => {
    const startedAt = time.now
    const ended = (outcome: string) => {
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      slowestMs = Math.max(slowestMs, time.now - startedAt)
    }
    try {
      const answer = await hook.call(name, body)
      ended('ok')
      return answer
    } catch (error) {
      ended((error as { code: string }).code)
      throw error
    }
  }
  startMetacontroller({
    controller: 'decorator',
    name: CONTROLLER_NAMES.decorator,
    selects: (labels) => labels[ENABLED] === 'true',
    time,
    cluster,
    callHook,
    lagMs: () => 3,
    workers,
    resyncPeriodMs: 20 * 60_000
  })
  const names = Array.from({ length: PROFILES }, (_, index) => `team-${index}`)
  for (const name of names) {
    const { metadata, ...namespace } = namespaceOf(name)
    cluster.create({ ...namespace, metadata: { ...metadata, labels: { [ENABLED]: 'true' } } })
  }
  const isReady = (name: string) =>
    cluster.get('Namespace', name)?.metadata.annotations?.[READY] === 'ready'
  return {
    outcomes,
    slowestMs: () => slowestMs,
    async converge() {
      while (!names.every(isReady)) await time.pass(1_000)
      return { minutes: time.now / 60_000, busy: writtenMs / time.now }
    }
  }
}

const CASES: [store: string, workers: number, budgetSeconds: number, cost: Cost][] = [
  ['a fast store', 5, 8, () => 30],
  ['a store that gets slower with every user', 5, 8, (users) => 30 + 5 * users],
  ['a slow store and many workers', 20, 25, () => 1_200],
  ['a store that gets slower, and very many workers', 100, 25, (users) => 200 + users],
  ['a store on which one profile takes half of the budget', 5, 8, () => 1_400]
]
/** Until the first is done, nobody knows how slow the store is. */
const FIRST_CALLS = 5

for (const [store, workers, seconds, cost] of CASES) {
  t.test(`a burst on ${store}`, async (t) => {
    const { outcomes, slowestMs, converge } = burst(workers, `${seconds}s`, cost)
    const { minutes, busy } = await converge()
    const told = [...outcomes].map(([outcome, count]) => `${count} × ${outcome}`).join(', ')
    const percent = Math.round(busy * 100)
    t.comment(
      `${minutes.toFixed(1)} min, ${percent} % of them writing: ${told}; at most ${slowestMs()} ms`
    )
    const { ok, S3P_BUSY = 0, S3P_BUDGET_EXCEEDED = 0, ...others } = Object.fromEntries(outcomes)
    t.same(others, {}, 'nothing else fails')
    const isVerySlow = FIRST_CALLS * 3 * cost(0) > seconds * 1000
    t.ok(S3P_BUDGET_EXCEEDED <= (isVerySlow ? 2 * FIRST_CALLS : 0), 'no work is thrown away')
    t.ok(slowestMs() < seconds * 1000 + cost(PROFILES), 'no call lasts for longer than its budget')
    t.ok(S3P_BUSY < PROFILES * (3 + 2 * minutes), 'nobody hammers')
    t.ok(busy > 0.75, 'the store is never idle for long')
  })
}
