import t from 'tap'
import { hookAnswer, hookRequestFrom } from '../src/hooks.ts'
import { recording } from './fixtures/builders.ts'

const READY = {
  type: 'ObjectStorageReady',
  status: 'True',
  message: 'Credentials are issued, and access and isolation are proven'
}
const FAILED = {
  type: 'Failed',
  status: 'True',
  message: 'namespace already exist, but not owned by profile creator'
}
const SUCCESSFUL = { type: 'Successful', status: 'True' }

const ATTACHMENT = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'kfp-launcher', namespace: 'team-a' },
  data: { clusterDomain: '.svc.cluster.local' }
}

function compositeRequest(parent: object = {}) {
  const metadata = { name: 'team-a', uid: 'uid-1' }
  const profile = { apiVersion: 'kubeflow.org/v1', kind: 'Profile', metadata, ...parent }
  return hookRequestFrom({ parent: profile, children: {} })
}

function decoratorRequest(metadata: object = {}) {
  const namespace = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'team-a', uid: 'uid-1', ...metadata },
    status: { phase: 'Active' }
  }
  return hookRequestFrom({ object: namespace, attachments: {} })
}

function ready() {
  return { attachments: [ATTACHMENT], isReady: true }
}

function notReady() {
  return { attachments: [], isReady: false }
}

t.test('hookRequestFrom', async (t) => {
  t.test('reads both controllers’ words for the same things', async (t) => {
    const secret = { kind: 'Secret', metadata: { name: 'a' } }
    const configMap = { kind: 'ConfigMap', metadata: { name: 'b' } }
    const groups = { 'Secret.v1': { 'ns/a': secret }, 'ConfigMap.v1': { b: configMap }, none: {} }
    const parent = { kind: 'Profile', metadata: { name: 'team-a', uid: 'uid-1' } }
    t.strictSame(hookRequestFrom({ parent, children: groups }), {
      kind: 'composite',
      parent,
      observed: [secret, configMap]
    })
    t.strictSame(hookRequestFrom({ object: parent, attachments: groups }), {
      kind: 'decorator',
      parent,
      observed: [secret, configMap]
    })
  })
})

t.test('hookAnswer to a CompositeController', async (t) => {
  t.test('returns the children and our condition', async (t) => {
    t.strictSame(hookAnswer(compositeRequest(), ready()), {
      status: { conditions: [READY] },
      children: [ATTACHMENT]
    })
  })

  t.test('gives the status back whole, with our condition added', async (t) => {
    const { request } = recording('composite/profile-with-status-conditions').calls[0] ?? {}
    const { status } = hookAnswer(hookRequestFrom(request), ready())
    t.strictSame(status, { conditions: [FAILED, READY] })
    const other = compositeRequest({ status: { observedGeneration: 3, conditions: [SUCCESSFUL] } })
    t.strictSame(hookAnswer(other, ready())['status'], {
      observedGeneration: 3,
      conditions: [SUCCESSFUL, READY]
    })
  })

  t.test('replaces our condition where it stands', async (t) => {
    const stale = { type: 'ObjectStorageReady', status: 'False', message: 'old', reason: 'Old' }
    const status = { conditions: [FAILED, stale, SUCCESSFUL] }
    t.strictSame(hookAnswer(compositeRequest({ status }), ready())['status'], {
      conditions: [FAILED, READY, SUCCESSFUL]
    })
  })

  t.test('gives the same bytes once its answer was applied', async (t) => {
    const befores = [
      undefined,
      {},
      { conditions: [] },
      { conditions: [FAILED, SUCCESSFUL] },
      { errors: ['x'], conditions: [{ ...READY, status: 'False' }, FAILED] }
    ]
    for (const before of befores) {
      for (const outcome of [ready(), notReady()]) {
        const first = hookAnswer(compositeRequest({ status: before }), outcome)
        const applied = compositeRequest({ status: first['status'] })
        t.equal(JSON.stringify(hookAnswer(applied, outcome)), JSON.stringify(first))
      }
    }
  })

  t.test('removes our condition and keeps the others when nothing is ready', async (t) => {
    const status = { conditions: [FAILED, READY, SUCCESSFUL], observedGeneration: 3 }
    t.strictSame(hookAnswer(compositeRequest({ status }), notReady()), {
      status: { conditions: [FAILED, SUCCESSFUL], observedGeneration: 3 },
      children: []
    })
  })

  t.test('leaves the request as it was', async (t) => {
    const status = { conditions: [FAILED, { ...READY, status: 'False' }] }
    const before = structuredClone(status)
    hookAnswer(compositeRequest({ status }), ready())
    hookAnswer(compositeRequest({ status }), notReady())
    t.strictSame(status, before)
  })

  t.test('passes the progress on', async (t) => {
    const waiting = { ...notReady(), finalized: false, resyncAfterSeconds: 25 }
    t.strictSame(hookAnswer(compositeRequest(), waiting), {
      status: { conditions: [] },
      children: [],
      finalized: false,
      resyncAfterSeconds: 25
    })
  })
})

t.test('hookAnswer to a DecoratorController', async (t) => {
  t.test('returns the attachments and our annotation', async (t) => {
    t.strictSame(hookAnswer(decoratorRequest(), ready()), {
      annotations: { 'pipelines.kubeflow.org/object-storage': 'ready' },
      attachments: [ATTACHMENT]
    })
  })

  t.test('takes our annotation away when nothing is ready', async (t) => {
    t.strictSame(hookAnswer(decoratorRequest(), notReady()), {
      annotations: { 'pipelines.kubeflow.org/object-storage': null },
      attachments: []
    })
  })

  t.test('leaves the annotations of a terminating Namespace alone', async (t) => {
    const going = decoratorRequest({ deletionTimestamp: '2026-01-01T00:00:00Z' })
    t.strictSame(hookAnswer(going, { ...notReady(), finalized: true }), {
      attachments: [],
      finalized: true
    })
    const staying = hookAnswer(decoratorRequest({ deletionTimestamp: null }), notReady())
    t.ok('annotations' in staying)
  })

  t.test('never answers a status', async (t) => {
    const requests = [decoratorRequest(), decoratorRequest({ deletionTimestamp: '2026-01-01' })]
    for (const request of requests) {
      for (const outcome of [ready(), notReady(), { ...notReady(), finalized: true }]) {
        t.notOk('status' in hookAnswer(request, outcome))
      }
    }
  })

  t.test('passes the progress on', async (t) => {
    const { annotations, ...rest } = hookAnswer(decoratorRequest(), {
      ...ready(),
      resyncAfterSeconds: 30
    })
    t.strictSame(rest, { attachments: [ATTACHMENT], resyncAfterSeconds: 30 })
  })
})
