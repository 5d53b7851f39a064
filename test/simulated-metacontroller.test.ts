import t from 'tap'
import { type Recording, recording } from './fixtures/builders.ts'
import { buildSimulatedCluster, type KubernetesObject } from './fixtures/simulated-cluster.ts'
import {
  type CallHook,
  type HookAnswer,
  startMetacontroller
} from './fixtures/simulated-metacontroller.ts'
import { buildVirtualTime } from './fixtures/virtual-time.ts'

type Kind = 'composite' | 'decorator'
type Recorded = Recording['calls'][number]
type Call = Pick<Recorded, 'request'> & { readonly hook: string }

const NAMES = {
  composite: 's3-profile-controller',
  decorator: 'kubeflow-pipelines-profile-controller'
}
const ENABLED = 'pipelines.kubeflow.org/enabled'
const CLEANUP_MS = 5_000
const HOUR_MS = 3_600_000

/** A cluster with nothing in it, and a Metacontroller whose hook answers what it is told to. */
function laboratory(kind: Kind, lags: Record<string, number> = {}) {
  const time = buildVirtualTime()
  const cluster = buildSimulatedCluster(time, () => CLEANUP_MS)
  const calls: Call[] = []
  const answers: (HookAnswer | Error)[] = []
  const callHook: CallHook = async (hook, request) => {
    calls.push({ hook, request })
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer === undefined || answer instanceof Error) throw answer
    return answer
  }
  const start = () =>
    startMetacontroller({
      controller: kind,
      name: NAMES[kind],
      selects: (labels) =>
        kind === 'composite' ? labels['example.com/s3'] !== 'no' : labels[ENABLED] === 'true',
      time,
      cluster,
      callHook: (hook, body) => lab.callHook(hook, body),
      lagMs: (watched) => lags[watched] ?? 3,
      workers: 2,
      resyncPeriodMs: 10 * HOUR_MS
    })
  const lab = { time, cluster, calls, answers, lags, callHook, start }
  return lab
}

type Laboratory = ReturnType<typeof laboratory>

/** The parent and the children of a recorded request, put into the cluster as they were. */
function restore({ cluster }: Laboratory, { request }: Recorded) {
  const parent = parentIn(request)
  cluster.create(parent)
  if (parent.kind === 'Profile') cluster.create(namespaceOf(parent.metadata.name))
  for (const child of childrenIn(request)) cluster.create(child)
}

function namespaceOf(name: string): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name },
    spec: { finalizers: ['kubernetes'] }
  }
}

function parentIn(request: Call['request']): KubernetesObject {
  return request.parent ?? request.object
}

function childrenIn(request: Call['request']): KubernetesObject[] {
  const groups: Record<string, Record<string, KubernetesObject>> = request.children ??
  request.attachments
  return Object.values(groups).flatMap((group) => Object.values(group))
}

/** Finalizers off, as before Metacontroller ever saw the parent. */
function untouched(parent: KubernetesObject): KubernetesObject {
  const { finalizers: _ours, ...metadata } = parent.metadata
  const { status: _status, ...rest } = parent
  return { ...rest, metadata }
}

/**
 * What is compared of a call: the hook, the parent's identity, labels, annotations and finalizers, whether
 * it is being deleted, and the children with all their content. Not compared: times, and what the API
 * server numbers as it likes (uids and resourceVersions of children, resourceVersions of parents).
 */
function essence({ hook, request }: Call) {
  const { kind, metadata } = parentIn(request)
  const { name, uid, labels, annotations, finalizers = [], deletionTimestamp } = metadata
  const children = childrenIn(request).map(({ metadata, ...content }) => {
    const { uid: _uid, resourceVersion: _version, creationTimestamp: _created, ...rest } = metadata
    return { ...content, metadata: rest }
  })
  const isDeleted = deletionTimestamp !== undefined
  const parent = { kind, name, uid, labels, annotations, finalizers: [...finalizers], isDeleted }
  const finalizing: boolean = request.finalizing
  return { hook, finalizing, parent, children }
}

const story = (calls: readonly Call[]) => calls.map(essence)

for (const kind of ['composite', 'decorator'] as const) {
  t.test(`the simulated Metacontroller makes the recorded calls, ${kind}`, async (t) => {
    const recorded = (name: string) => recording(`${kind}/${name}`).calls
    const first = (calls: readonly Recorded[]) => calls[0] as Recorded
    const last = (calls: readonly Recorded[]) => calls.at(-1) as Recorded
    const parentOf = (call: Recorded) => parentIn(call.request)

    /** At rest with the state of that call, as the recording began. */
    async function atRestWith(call: Recorded, answer: HookAnswer) {
      const lab = laboratory(kind)
      restore(lab, call)
      lab.answers.push(answer)
      lab.start()
      await lab.time.pass(1000)
      lab.calls.length = 0
      return lab
    }

    t.test('for a new parent', async (t) => {
      const calls = recorded('all-calls-of-a-new-parent')
      const lab = laboratory(kind)
      lab.answers.push(first(calls).response)
      lab.start()
      const parent = untouched(parentOf(first(calls)))
      lab.cluster.create(parent)
      if (kind === 'composite') lab.cluster.create(namespaceOf(parent.metadata.name))
      await lab.time.pass(1000)
      if (kind === 'composite') {
        const { finalizers } = parentOf(last(calls)).metadata
        const live = lab.cluster.get('Profile', parent.metadata.name) as KubernetesObject
        const metadata = { ...live.metadata, ...(finalizers && { finalizers }) }
        lab.cluster.update({ ...live, metadata })
      }
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
    })

    t.test('for a deleted Secret', async (t) => {
      const calls = recorded('secret-deleted')
      const lab = await atRestWith(last(calls), first(calls).response)
      const secret = childrenIn(last(calls).request).find((child) => child.kind === 'Secret')
      lab.cluster.remove(secret as KubernetesObject)
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
    })

    t.test('for an edited Secret', async (t) => {
      const calls = recorded('secret-tampered')
      const lab = await atRestWith(last(calls), first(calls).response)
      const [edited] = childrenIn(first(calls).request).filter((child) => child.kind === 'Secret')
      const { metadata, data = {} } = edited as KubernetesObject
      const live = lab.cluster.get('Secret', metadata.name, metadata.namespace)
      lab.cluster.update({ ...(live as KubernetesObject), data })
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
    })

    t.test('for an answer with another key', async (t) => {
      const calls = recorded('rotation')
      const before = recorded('secret-deleted')
      const lab = await atRestWith(first(calls), first(before).response)
      lab.answers.splice(0, 1, first(calls).response)
      lab.start()
      await lab.time.pass(1000)
      t.same(story(lab.calls).slice(0, 2), story(calls))
    })

    t.test('for a Secret of somebody else', async (t) => {
      const calls = recorded('unowned-secret-of-same-name')
      const lab = laboratory(kind)
      lab.answers.push(first(calls).response)
      const parent = untouched(parentOf(first(calls)))
      lab.cluster.create(parent)
      const { name } = parent.metadata
      if (kind === 'composite') lab.cluster.create(namespaceOf(name))
      const metadata = { name: 'mlpipeline-minio-artifact', namespace: name }
      const foreign = lab.cluster.create({ apiVersion: 'v1', kind: 'Secret', metadata })
      lab.start()
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls), 'it is not seen, and nobody says so')
      t.equal(lab.cluster.get('Secret', metadata.name, name), foreign, 'it is left alone')
    })

    t.test('for a deletion', async (t) => {
      const calls = recorded('finalize-on-deletion')
      const { request, response } = first(calls)
      const lab = await atRestWith(alive(first(calls)), {
        [kind === 'composite' ? 'children' : 'attachments']: childrenIn(request).map(asDesired)
      })
      lab.answers.splice(0, 1, response, calls[1]?.response)
      lab.cluster.remove(parentOf(first(calls)))
      await lab.time.pass(4)
      if (kind === 'composite') {
        lab.lags['Profile'] = 2
        const live = lab.cluster.get('Profile', parentOf(first(calls)).metadata.name)
        const { metadata, ...rest } = live as KubernetesObject
        const finalizers = metadata.finalizers?.filter((name) => name !== 'profile-finalizer')
        lab.cluster.update({
          ...rest,
          metadata: { ...metadata, ...(finalizers && { finalizers }) }
        })
      }
      await lab.time.pass(HOUR_MS)
      t.same(story(lab.calls), story(calls))
      t.same(lab.cluster.list('Secret'), [], 'and the children are gone')
    })

    t.test('for a label that goes and comes back', async (t) => {
      const [calls, back] = [recorded('finalize-by-label-opt-out'), recorded('label-readded')]
      const lab = await atRestWith(
        relabelled(first(calls), parentOf(first(back))),
        first(back).response
      )
      lab.answers.splice(0, 1, first(calls).response)
      relabel(lab, parentOf(first(calls)))
      await lab.time.pass(1000)
      t.same(story(lab.calls), story(calls))

      lab.calls.length = 0
      lab.answers.splice(0, 1, first(back).response)
      relabel(lab, parentOf(first(back)))
      await lab.time.pass(1000)
      t.same(story(lab.calls), story(back))
    })
  })
}

t.test(
  'the simulated Metacontroller makes the recorded calls, where only one kind makes them',
  async (t) => {
    t.test('for a cache that has the ConfigMap and not yet the Secret', async (t) => {
      const { calls } = recording('decorator/stale-second-sync')
      const lab = laboratory('decorator', { Secret: 40 })
      lab.answers.push(calls[0]?.response)
      lab.start()
      lab.cluster.create(untouched(parentIn(calls[0]?.request)))
      await lab.time.pass(1000)
      t.same(story(lab.calls).slice(0, 2), story(calls))
    })

    t.test('for an adopted Secret', async (t) => {
      const { calls } = recording('composite/adopted-secret')
      const lab = laboratory('composite')
      restore(lab, calls[0] as Recorded)
      lab.answers.push(calls[0]?.response)
      lab.start()
      await lab.time.pass(1000)
      t.same(story(lab.calls), story(calls))
    })
  }
)

t.test('the simulated Metacontroller', async (t) => {
  const team = { ...namespaceOf('team-a').metadata, labels: { [ENABLED]: 'true' } }
  const parent = { ...namespaceOf('team-a'), metadata: team }
  const configMap = (data: Record<string, string>): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kfp-launcher', namespace: 'team-a' },
    data
  })
  const launcherOf = ({ cluster }: Laboratory) =>
    cluster.get('ConfigMap', 'kfp-launcher', 'team-a') as KubernetesObject
  const parentOf = ({ cluster }: Laboratory) =>
    cluster.get('Namespace', 'team-a') as KubernetesObject

  /** At rest with one ConfigMap. */
  async function atRest(lags: Record<string, number> = {}) {
    const lab = laboratory('decorator', lags)
    lab.cluster.create(parent)
    lab.answers.push({ attachments: [configMap({ root: 'ours' })] })
    const metacontroller = lab.start()
    await lab.time.pass(1000)
    lab.calls.length = 0
    return { ...lab, metacontroller }
  }

  t.test('tries again after 5, 10, 20, … ms, and at once when something happens', async (t) => {
    const lab = await atRest()
    lab.answers.splice(0, 1, new Error('503'))
    touch(lab)
    await lab.time.pass(3 + 5 + 10 + 20)
    t.equal(lab.calls.length, 4)
    t.equal(lab.metacontroller.isIdle(), false)
    touch(lab)
    await lab.time.pass(3)
    t.equal(lab.calls.length, 5)
    await lab.time.pass(HOUR_MS)
    t.ok(lab.calls.length < 30, 'it does not hammer')
  })

  t.test('calls again when it was asked to, at the earliest of all times', async (t) => {
    const lab = await atRest()
    lab.answers.splice(0, 1, { attachments: [], resyncAfterSeconds: 60 })
    touch(lab)
    await lab.time.pass(1000)
    lab.answers.splice(0, 1, { attachments: [], resyncAfterSeconds: 10 })
    touch(lab)
    await lab.time.pass(1000)
    lab.answers.splice(0, 1, { attachments: [] })
    lab.calls.length = 0
    await lab.time.pass(9_010)
    t.equal(lab.calls.length, 1)
    await lab.time.pass(HOUR_MS)
    t.equal(lab.calls.length, 1)
  })

  t.test('forgets what it was asked for when it is stopped', async (t) => {
    const lab = await atRest()
    lab.answers.splice(0, 1, { attachments: [], resyncAfterSeconds: 60 })
    touch(lab)
    await lab.time.pass(1000)
    lab.metacontroller.stop()
    lab.calls.length = 0
    touch(lab)
    await lab.time.pass(HOUR_MS)
    t.same(lab.calls, [])
  })

  t.test(
    'leaves a child alone that has changed since, and repairs it when it sees it',
    async (t) => {
      const lab = await atRest()
      lab.lags['ConfigMap'] = 500
      lab.cluster.update({ ...launcherOf(lab), data: { root: 'edited' } })
      lab.answers.splice(0, 1, { attachments: [configMap({ root: 'new' })] })
      touch(lab)
      await lab.time.pass(100)
      t.same(launcherOf(lab).data, { root: 'edited' }, '409')
      await lab.time.pass(500)
      t.same(launcherOf(lab).data, { root: 'new' })
    }
  )

  t.test('applies no children when the parent has changed since', async (t) => {
    const lab = await atRest()
    lab.lags['Namespace'] = 500
    touch(lab)
    lab.answers.splice(0, 1, {
      attachments: [configMap({ root: 'new' })],
      annotations: { ready: 'yes' }
    })
    lab.cluster.update({ ...launcherOf(lab), data: { root: 'edited' } })
    await lab.time.pass(100)
    t.same(launcherOf(lab).data, { root: 'edited' })
    await lab.time.pass(1000)
    t.same(launcherOf(lab).data, { root: 'new' })
    t.equal(parentOf(lab).metadata.annotations?.['ready'], 'yes')
  })

  t.test('keeps what others added and takes back what it had applied', async (t) => {
    const lab = await atRest()
    const { data } = launcherOf(lab)
    lab.cluster.update({ ...launcherOf(lab), data: { ...data, theirs: 'kept' } })
    await lab.time.pass(100)
    lab.answers.splice(0, 1, { attachments: [configMap({ other: 'ours' })] })
    touch(lab)
    await lab.time.pass(100)
    t.same(launcherOf(lab).data, { theirs: 'kept', other: 'ours' })
  })

  t.test('writes nothing when nothing differs', async (t) => {
    const lab = await atRest()
    const before = launcherOf(lab)
    touch(lab)
    await lab.time.pass(HOUR_MS)
    t.equal(launcherOf(lab), before)
    t.equal(lab.calls.length, 1)
  })

  t.test(
    'holds a deleted parent until finalize is done, and calls again for one it does not hold',
    async (t) => {
      const lab = await atRest()
      lab.answers.splice(0, 1, { attachments: [], finalized: false, resyncAfterSeconds: 20 })
      lab.cluster.remove(parentOf(lab))
      await lab.time.pass(15_000)
      t.ok(parentOf(lab))
      lab.answers.splice(0, 1, { attachments: [], finalized: true })
      lab.calls.length = 0
      await lab.time.pass(HOUR_MS)
      t.equal(parentOf(lab), undefined)
      t.same(new Set(lab.calls.map(({ hook }) => hook)), new Set(['finalize']))
    }
  )

  t.test(
    'never runs two calls for one parent at once, whatever the number of workers',
    async (t) => {
      const lab = laboratory('decorator')
      let running = 0
      let most = 0
      lab.callHook = async () => {
        running += 1
        most = Math.max(most, running)
        await lab.time.wait(50)
        running -= 1
        return { attachments: [] }
      }
      lab.start()
      lab.cluster.create(parent)
      for (let nth = 0; nth < 5; nth++) {
        await lab.time.pass(20)
        touch(lab)
      }
      await lab.time.pass(1000)
      t.equal(most, 1)
    }
  )

  function touch(lab: Laboratory) {
    const live = parentOf(lab)
    const labels = { ...live.metadata.labels, touched: String(lab.time.now) }
    lab.cluster.update({ ...live, metadata: { ...live.metadata, labels } })
  }
})

/** The same state before the deletion. */
function alive(call: Recorded): Recorded {
  const parent = parentIn(call.request)
  const { deletionTimestamp: _deleted, ...metadata } = parent.metadata
  const key = parent.kind === 'Profile' ? 'parent' : 'object'
  const status = parent.kind === 'Profile' ? {} : { phase: 'Active' }
  return { ...call, request: { ...call.request, [key]: { ...parent, metadata, status } } }
}

/** The same state with the labels of another call. */
function relabelled(call: Recorded, { metadata }: KubernetesObject): Recorded {
  const parent = parentIn(call.request)
  const { labels: _labels, ...rest } = parent.metadata
  const key = parent.kind === 'Profile' ? 'parent' : 'object'
  const changed = { ...rest, ...(metadata.labels && { labels: metadata.labels }) }
  return { ...call, request: { ...call.request, [key]: { ...parent, metadata: changed } } }
}

function relabel({ cluster }: Laboratory, { kind, metadata }: KubernetesObject) {
  const live = cluster.get(kind, metadata.name) as KubernetesObject
  const { labels: _labels, ...rest } = live.metadata
  const changed = { ...rest, ...(metadata.labels && { labels: metadata.labels }) }
  cluster.update({ ...live, metadata: changed })
}

/** What the hook must have answered for the child to be what it is. */
function asDesired(child: KubernetesObject): KubernetesObject {
  const { name, namespace } = child.metadata
  const metadata = { name, ...(namespace && { namespace }) }
  const { apiVersion, kind, data, type } = child
  return { apiVersion, kind, metadata, ...(data && { data }), ...(type && { type }) }
}
