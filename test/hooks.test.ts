import { Ajv } from 'ajv'
import t from 'tap'
import { HookBody, hookAnswer, hookRequestFrom } from '../src/hooks.ts'
import { allRecordings, recording } from './fixtures/builders.ts'

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
  return { attachments: [ATTACHMENT], readiness: 'ready' as const }
}

/** Ready, while the key before still works. */
function settling() {
  return { ...ready(), settlingUntil: '2027-01-22T08:00:00Z' }
}

/** A deleted profile whose data is on its way out. */
function emptying() {
  const progress = { finalized: false, resyncAfterSeconds: 1 }
  return { attachments: [], readiness: 'emptying' as const, ...progress }
}

function notReady() {
  return { attachments: [], readiness: 'gone' as const }
}

function pending() {
  return { attachments: [ATTACHMENT], readiness: 'pending' as const }
}

t.test('HookBody', async (t) => {
  const takes = new Ajv({ strict: false }).compile(HookBody)
  const owner = { apiVersion: 'kubeflow.org/v1', kind: 'Profile', uid: 'uid-0', controller: true }
  /** A sync of a Namespace, with the metadata overridden and these objects observed. */
  const namespaceBody = (metadata: object, ...observed: object[]) => ({
    object: {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'team-a', uid: 'uid-1', ownerReferences: [owner], ...metadata }
    },
    attachments: { 'Secret.v1': { ...observed } }
  })
  const profileBody = (parent: object, ...observed: object[]) => ({
    parent: {
      apiVersion: 'kubeflow.org/v1',
      kind: 'Profile',
      metadata: { name: 'team-a', uid: 'uid-1' },
      ...parent
    },
    children: { 'Secret.v1': { ...observed } }
  })

  t.test('takes every recorded body', async (t) => {
    for (const { name, calls } of allRecordings()) {
      for (const { hook, request } of calls.filter(({ hook }) => hook !== 'customize')) {
        t.equal(takes(request), true, `${name}: ${hook}`)
      }
    }
  })

  t.test('takes whatever a tenant writes into an object', async (t) => {
    const metadata = { name: 'mlpipeline-minio-artifact', namespace: 'team-a', uid: 'uid-2' }
    const tenants: object[] = [
      { kind: 'Secret', metadata: { name: 'mlpipeline-minio-artifact' } },
      { kind: 'Secret', metadata: { ...metadata, uid: '' } },
      { kind: 'Secret', metadata: { ...metadata, uid: 'x'.repeat(1_000) } },
      { kind: 'Secret', metadata: { ...metadata, name: '' } },
      { kind: 'Secret', metadata: { ...metadata, labels: 7, deletionTimestamp: null } },
      { kind: 'Secret', metadata: { ...metadata, ownerReferences: [{ uid: 'x'.repeat(1_000) }] } },
      { kind: 'Secret', metadata: { ...metadata, annotations: { '': '', a: 'b' } } },
      { kind: 'Secret', metadata, data: {} },
      { kind: 'Secret', metadata, data: { a: null, b: 7, c: ['x'], d: { e: 'f' }, '': '' } },
      { kind: 'Service', metadata, spec: { ports: [] }, status: null }
    ]
    for (const object of tenants) {
      t.equal(takes(namespaceBody({}, object)), true, JSON.stringify(object))
      t.equal(takes(profileBody({}, object)), true, JSON.stringify(object))
    }
  })

  t.test('takes whatever stands in a Profile’s status', async (t) => {
    const statuses = [null, 'text', 7, [], {}, { conditions: null }, { conditions: [null, {}, 7] }]
    for (const status of statuses) t.equal(takes(profileBody({ status })), true)
  })

  t.test('takes whatever uid an owner has', async (t) => {
    for (const uid of ['', 'x'.repeat(1_000)]) {
      t.equal(takes(namespaceBody({ ownerReferences: [{ ...owner, uid }] })), true)
    }
  })

  const refused: [what: string, metadata: object][] = [
    ['no name', { name: undefined }],
    ['an empty name', { name: '' }],
    ['no uid', { uid: undefined }],
    ['an empty uid', { uid: '' }],
    ['an endless uid', { uid: 'x'.repeat(129) }],
    ['no text for the time of its deletion', { deletionTimestamp: null }],
    ['a number for the time of its deletion', { deletionTimestamp: 0 }],
    ['labels that are no text', { labels: { 'pipelines.kubeflow.org/enabled': true } }],
    ['annotations that are no text', { annotations: { a: true } }]
  ]
  for (const [what, overrides] of refused) {
    t.test(`refuses a parent with ${what}`, async (t) => {
      // As it arrives: JSON drops what is undefined.
      const sent = (body: object) => JSON.parse(JSON.stringify(body))
      const metadata = { name: 'team-a', uid: 'uid-1', ...overrides }
      t.equal(takes(sent(namespaceBody(overrides))), false)
      t.equal(takes(sent(profileBody({ metadata }))), false)
    })
  }

  t.test('refuses an object without a kind or a name', async (t) => {
    for (const object of [{ metadata: { name: 'a' } }, { kind: 'Secret', metadata: {} }]) {
      t.equal(takes(namespaceBody({}, object)), false)
      t.equal(takes(profileBody({}, object)), false)
    }
  })
})

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
      { errors: ['x'], conditions: [{ ...READY, status: 'False' }, FAILED] },
      null,
      { conditions: 'none' },
      { conditions: [null, 'text', { type: 'ObjectStorageReady' }, ['x']] }
    ]
    for (const before of befores) {
      for (const outcome of [ready(), settling(), emptying(), notReady(), pending()]) {
        const first = hookAnswer(compositeRequest({ status: before }), outcome)
        const applied = compositeRequest({ status: first['status'] })
        t.equal(JSON.stringify(hookAnswer(applied, outcome)), JSON.stringify(first))
      }
    }
  })

  t.test('says in our condition until when the key before works', async (t) => {
    const message = `${READY.message}; the key before works until 2027-01-22T08:00:00Z`
    const told = { status: { conditions: [FAILED, { ...READY, message }] }, children: [ATTACHMENT] }
    const before = compositeRequest({ status: { conditions: [FAILED, READY] } })
    t.strictSame(hookAnswer(before, settling()), told)
    t.strictSame(hookAnswer(compositeRequest(told), settling()), told, 'and changes nothing then')
    const { status } = hookAnswer(compositeRequest(told), ready())
    t.strictSame(status, { conditions: [FAILED, READY] }, 'and is taken back')
  })

  t.test('leaves the status as it is while the Secret is not seen yet', async (t) => {
    const stale = { ...READY, status: 'False' }
    const statuses = [
      {},
      { conditions: [] },
      { conditions: [FAILED, SUCCESSFUL], observedGeneration: 3 },
      { conditions: [FAILED, READY] },
      { conditions: [stale, FAILED] },
      { conditions: null },
      { conditions: [null, 'text', 7, { status: 'True' }], errors: ['x'] }
    ]
    for (const status of statuses) {
      t.strictSame(hookAnswer(compositeRequest({ status }), pending()), {
        status,
        children: [ATTACHMENT]
      })
    }
    t.strictSame(hookAnswer(compositeRequest(), pending())['status'], {})
  })

  t.test('gives back what others wrote, whatever it is', async (t) => {
    const strange = [
      null,
      'text',
      7,
      true,
      ['item'],
      [],
      { type: 'NoStatus' },
      { status: 'True' },
      { type: 7, status: null },
      { type: null }
    ]
    const status = { conditions: strange, message: null }
    t.strictSame(hookAnswer(compositeRequest({ status }), ready())['status'], {
      conditions: [...strange, READY],
      message: null
    })
    t.strictSame(hookAnswer(compositeRequest({ status }), notReady())['status'], status)
    const halfOurs = { conditions: [null, { type: 'ObjectStorageReady' }, 'text'] }
    t.strictSame(hookAnswer(compositeRequest({ status: halfOurs }), ready())['status'], {
      conditions: [null, READY, 'text']
    })
    t.strictSame(hookAnswer(compositeRequest({ status: halfOurs }), notReady())['status'], {
      conditions: [null, 'text']
    })
  })

  t.test('starts a status where there is none to read', async (t) => {
    for (const status of [undefined, null, 'text', 7, true]) {
      const request = compositeRequest({ status })
      t.strictSame(hookAnswer(request, ready())['status'], { conditions: [READY] })
      t.strictSame(hookAnswer(request, notReady())['status'], { conditions: [] })
      t.strictSame(hookAnswer(request, pending())['status'], {})
    }
    for (const conditions of [undefined, null, 'text', { 0: READY, length: 1 }]) {
      const request = compositeRequest({ status: { conditions, observedGeneration: 3 } })
      t.strictSame(hookAnswer(request, ready())['status'], {
        conditions: [READY],
        observedGeneration: 3
      })
      t.strictSame(hookAnswer(request, notReady())['status'], {
        conditions: [],
        observedGeneration: 3
      })
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
    hookAnswer(compositeRequest({ status }), pending())
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
    const deleting = hookAnswer(
      compositeRequest({ status: { conditions: [FAILED, READY] } }),
      emptying()
    )
    t.strictSame(deleting, {
      status: {
        conditions: [
          FAILED,
          {
            type: 'ObjectStorageReady',
            status: 'False',
            message: 'The key is revoked, and the data is being deleted'
          }
        ]
      },
      children: [],
      finalized: false,
      resyncAfterSeconds: 1
    })
    const unseen = { ...pending(), resyncAfterSeconds: 30 }
    t.strictSame(hookAnswer(compositeRequest(), unseen), {
      status: {},
      children: [ATTACHMENT],
      resyncAfterSeconds: 30
    })
  })
})

t.test('hookAnswer to a DecoratorController', async (t) => {
  t.test('returns the attachments and our annotation', async (t) => {
    t.strictSame(hookAnswer(decoratorRequest(), ready()), {
      annotations: {
        'pipelines.kubeflow.org/object-storage': 'ready',
        'pipelines.kubeflow.org/credentials-settling-until': null
      },
      attachments: [ATTACHMENT]
    })
  })

  t.test('says until when the key before works', async (t) => {
    t.strictSame(hookAnswer(decoratorRequest(), settling()), {
      annotations: {
        'pipelines.kubeflow.org/object-storage': 'ready',
        'pipelines.kubeflow.org/credentials-settling-until': '2027-01-22T08:00:00Z'
      },
      attachments: [ATTACHMENT]
    })
  })

  t.test('takes our annotations away when nothing is ready', async (t) => {
    t.strictSame(hookAnswer(decoratorRequest(), notReady()), {
      annotations: {
        'pipelines.kubeflow.org/object-storage': null,
        'pipelines.kubeflow.org/credentials-settling-until': null
      },
      attachments: []
    })
  })

  t.test('leaves the annotations of a terminating Namespace alone', async (t) => {
    const going = decoratorRequest({ deletionTimestamp: '2026-01-01T00:00:00Z' })
    const { readiness: _, ...progress } = emptying()
    t.strictSame(hookAnswer(going, emptying()), progress)
    t.strictSame(hookAnswer(going, { ...notReady(), finalized: true }), {
      attachments: [],
      finalized: true
    })
    t.strictSame(hookAnswer(going, ready()), { attachments: [ATTACHMENT] })
    t.strictSame(hookAnswer(going, pending()), { attachments: [ATTACHMENT] })
    const staying = hookAnswer(decoratorRequest({ deletionTimestamp: undefined }), notReady())
    t.ok('annotations' in staying)
  })

  t.test('leaves the annotations as they are while the Secret is not seen yet', async (t) => {
    t.strictSame(hookAnswer(decoratorRequest(), pending()), { attachments: [ATTACHMENT] })
    const annotations = { 'pipelines.kubeflow.org/object-storage': 'ready' }
    const request = decoratorRequest({ annotations })
    t.strictSame(hookAnswer(request, pending()), { attachments: [ATTACHMENT] })
  })

  t.test('never answers a status', async (t) => {
    const requests = [decoratorRequest(), decoratorRequest({ deletionTimestamp: '2026-01-01' })]
    for (const request of requests) {
      const outcomes = [ready(), notReady(), pending(), { ...notReady(), finalized: true }]
      for (const outcome of outcomes) {
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
