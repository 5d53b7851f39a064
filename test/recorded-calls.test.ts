import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { allRecordings, recording } from './fixtures/builders.ts'
import {
  HOUR_MS,
  type HookCall,
  type Laboratory,
  laboratory,
  namespaceOf
} from './fixtures/simulation/laboratory.ts'
import {
  alive,
  answerBefore,
  childrenOf,
  create,
  createAlone,
  edit,
  essenceOf,
  labelledAs,
  parentOf,
  restore,
  setProfileFinalizer
} from './fixtures/simulation/recorded-state.ts'
import type { KubernetesObject } from './fixtures/simulation/simulated-cluster.ts'
import type { HookAnswer } from './fixtures/simulation/simulated-metacontroller.ts'

type Kind = 'composite' | 'decorator'

/** What the simulation knows nothing of, because our manifests never ask for it. */
const LEFT_OUT = [
  // The customize hook.
  'composite/customize',
  'composite/customize-namespace',
  'decorator/customize',
  'decorator/customize-profile',
  // A controller without a finalize hook, such as sync.py's.
  'composite/terminating-without-finalize-hook',
  'decorator/terminating-without-finalize-hook',
  'decorator/syncpy-first-sync',
  'decorator/syncpy-steady-resync',
  'decorator/syncpy-all-calls-of-a-new-parent'
]
const replayed = new Set<string>()

interface Recorded extends HookCall {
  readonly response: HookAnswer
}
type Calls = readonly [Recorded, ...Recorded[]]

function recorded(name: string): Calls {
  replayed.add(name)
  return recording(name).calls as unknown as Calls
}

const story = (calls: readonly HookCall[]) => calls.map(essenceOf)
const last = (calls: Calls) => calls.at(-1) as Recorded
const responsesOf = (calls: readonly Recorded[]) => calls.map(({ response }) => response)
const secretOf = (call: HookCall) =>
  childrenOf(call).find(({ kind }) => kind === 'Secret') as KubernetesObject

/** The same call again and again counts once: how often depends on the speed of the machine. */
function distinct(calls: readonly HookCall[]) {
  const all = story(calls)
  return all.filter((call, index) => !isDeepStrictEqual(call, all[index - 1]))
}

/** A Metacontroller that has just started, in a cluster that looks as in that call. */
function begun(kind: Kind, call: Recorded, lags?: Record<string, number>): Laboratory {
  const lab = laboratory(kind, lags)
  restore(lab, call)
  lab.answers.push(call.response)
  lab.start()
  return lab
}

/** At rest with the state of that call, as the recording began. */
async function atRestWith(kind: Kind, call: HookCall, response: HookAnswer): Promise<Laboratory> {
  const lab = begun(kind, { ...call, response })
  await lab.time.pass(1000)
  lab.calls.length = 0
  return lab
}

for (const kind of ['composite', 'decorator'] as const) {
  t.test(`the simulated Metacontroller makes the recorded calls, ${kind}`, async (t) => {
    for (const name of [
      'steady-resync',
      'steady-resync-full',
      'profile-with-plugins',
      'hook-version-v2',
      'with-bearer-token'
    ]) {
      t.test(`at rest: ${name}`, async (t) => {
        const calls = recorded(`${kind}/${name}`)
        const lab = begun(kind, calls[0])
        await lab.time.pass(HOUR_MS)
        t.same(story(lab.calls), story(calls))
      })
    }

    for (const name of ['all-calls-of-a-new-parent', 'first-sync', 'first-sync-full']) {
      t.test(`for a new parent: ${name}`, async (t) => {
        const calls = recorded(`${kind}/${name}`)
        const lab = laboratory(kind)
        lab.answers.push(calls[0].response)
        lab.start()
        create(lab, parentOf(calls[0]))
        await lab.time.pass(1000)
        setProfileFinalizer(lab, parentOf(last(calls)))
        await lab.time.pass(HOUR_MS)
        t.same(story(lab.calls).slice(0, calls.length), story(calls))
      })
    }

    t.test('among objects that are not ours', async (t) => {
      const calls = recorded(`${kind}/foreign-objects-in-namespace`)
      const lab = begun(kind, calls[0])
      for (const { kind, metadata } of childrenOf(calls[0])) {
        const foreign = { name: 'foreign-0', namespace: metadata.namespace as string }
        lab.cluster.create({ apiVersion: 'v1', kind, metadata: foreign })
      }
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
    })

    t.test('for a deleted Secret', async (t) => {
      const calls = recorded(`${kind}/secret-deleted`)
      const lab = await atRestWith(kind, last(calls), calls[0].response)
      lab.cluster.remove(secretOf(last(calls)))
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
    })

    t.test('for an edited Secret', async (t) => {
      const calls = recorded(`${kind}/secret-tampered`)
      const lab = await atRestWith(kind, last(calls), calls[0].response)
      edit(lab, secretOf(calls[0]))
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
    })

    t.test('for a Secret that somebody labels and annotates, and it stays so', async (t) => {
      const calls = recorded(`${kind}/secret-with-foreign-metadata`)
      const [before] = recorded(`${kind}/steady-resync`)
      const lab = await atRestWith(kind, before, calls[0].response)
      edit(lab, secretOf(calls[0]))
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
    })

    t.test('for an answer with another key', async (t) => {
      const calls = recorded(`${kind}/rotation`)
      const [before] = recorded(`${kind}/secret-deleted`)
      const lab = await atRestWith(kind, calls[0], before.response)
      lab.answers.splice(0, 1, calls[0].response)
      lab.start()
      await lab.time.pass(1000)
      t.same(story(lab.calls).slice(0, 2), story(calls))
    })

    t.test('for a Secret of somebody else', async (t) => {
      const calls = recorded(`${kind}/unowned-secret-of-same-name`)
      const lab = laboratory(kind)
      lab.answers.push(calls[0].response)
      create(lab, parentOf(calls[0]))
      const namespace = parentOf(calls[0]).metadata.name
      const metadata = { name: 'mlpipeline-minio-artifact', namespace }
      const foreign = lab.cluster.create({ apiVersion: 'v1', kind: 'Secret', metadata })
      lab.start()
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls), 'it is not seen, and nobody says so')
      t.equal(lab.cluster.get('Secret', metadata.name, namespace), foreign, 'it is left alone')
    })

    t.test('for a deletion', async (t) => {
      const calls = recorded(`${kind}/finalize-on-deletion`)
      const lab = await atRestWith(kind, alive(calls[0]), answerBefore(calls[0]))
      lab.answers.splice(0, 1, ...responsesOf(calls))
      lab.cluster.remove(parentOf(calls[0]))
      await lab.time.pass(4)
      lab.lags['Profile'] = 2
      setProfileFinalizer(lab, parentOf(last(calls)))
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
      t.same(lab.cluster.list('Secret'), [], 'and the children are gone')
    })

    for (const name of ['same-name-recreation', 'recreation-while-finalizing']) {
      t.test(`for a name that comes back: ${name}`, async (t) => {
        const calls = recorded(`${kind}/${name}`)
        const isOld = (call: HookCall) =>
          parentOf(call).metadata.uid === parentOf(calls[0]).metadata.uid
        const old = calls.filter(isOld)
        const anew = calls.filter((call) => !isOld(call)) as unknown as Calls
        const lab = await atRestWith(kind, alive(calls[0]), answerBefore(calls[0]))
        lab.answers.splice(0, 1, ...responsesOf(old))
        lab.cluster.remove(parentOf(calls[0]))
        await lab.time.pass(4)
        lab.lags['Profile'] = 2
        setProfileFinalizer(lab, parentOf(old.at(-1) as HookCall))
        await lab.time.pass(20_000)
        t.same(distinct(lab.calls).slice(-distinct(old).length), distinct(old))

        lab.calls.length = 0
        lab.answers.splice(0, lab.answers.length, anew[0].response)
        create(lab, parentOf(anew[0]))
        await lab.time.pass(1000)
        setProfileFinalizer(lab, parentOf(last(anew)))
        await lab.time.pass(1000)
        t.same(distinct(lab.calls), distinct(anew))
      })
    }

    t.test('for a label that goes and comes back', async (t) => {
      const calls = recorded(`${kind}/finalize-by-label-opt-out`)
      const back = recorded(`${kind}/label-readded`)
      const before = labelledAs(calls[0], parentOf(back[0]))
      const lab = await atRestWith(kind, before, back[0].response)
      lab.answers.splice(0, 1, calls[0].response)
      edit(lab, parentOf(calls[0]))
      await lab.time.pass(1000)
      t.same(story(lab.calls), story(calls))

      lab.calls.length = 0
      lab.answers.splice(0, 1, back[0].response)
      edit(lab, parentOf(back[0]))
      await lab.time.pass(1000)
      t.same(story(lab.calls), story(back))
    })
  })
}

t.test('the simulated Metacontroller makes the recorded calls of one controller', async (t) => {
  t.test('for a namespace without a Profile', async (t) => {
    const calls = recorded('decorator/namespace-without-profile')
    const lab = begun('decorator', calls[0])
    await lab.time.pass(1)
    t.same(story(lab.calls), story(calls))
  })

  t.test('for a cache that has the ConfigMap and not yet the Secret', async (t) => {
    const calls = recorded('decorator/stale-second-sync')
    const lab = laboratory('decorator', { Secret: 40 })
    lab.answers.push(calls[0].response)
    lab.start()
    create(lab, parentOf(calls[0]))
    await lab.time.pass(1000)
    t.same(story(lab.calls).slice(0, 2), story(calls))
  })

  for (const name of ['syncpy-takeover', 'syncpy-takeover-full']) {
    t.test(`for what sync.py has left: ${name}`, async (t) => {
      const calls = recorded(`decorator/${name}`)
      const lab = begun('decorator', calls[0])
      await lab.time.pass(1000)
      t.same(distinct(lab.calls).slice(0, calls.length), story(calls))
    })
  }

  t.test('for an adopted Secret', async (t) => {
    const calls = recorded('composite/adopted-secret')
    const lab = begun('composite', calls[0])
    await lab.time.pass(1000)
    t.same(story(lab.calls), story(calls))
  })

  t.test('for conditions in the status', async (t) => {
    const calls = recorded('composite/profile-with-status-conditions')
    const lab = begun('composite', calls[0])
    await lab.time.pass(1000)
    t.same(story(lab.calls), story(calls))
  })

  t.test('for a namespace that comes late', async (t) => {
    const calls = recorded('composite/namespace-not-existing-yet')
    const lab = laboratory('composite')
    lab.answers.push(calls[0].response)
    lab.start()
    createAlone(lab, parentOf(calls[0]))
    await lab.time.pass(4000)
    setProfileFinalizer(lab, parentOf(last(calls)))
    lab.cluster.create(namespaceOf(parentOf(calls[0]).metadata.name))
    await lab.time.pass(20_000)
    t.same(distinct(lab.calls), distinct(calls))
  })
})

t.test('every recording is replayed, or left out for a reason', async (t) => {
  const names = allRecordings().map(({ name }) => name)
  t.same([...replayed, ...LEFT_OUT].sort(), names.sort())
})
