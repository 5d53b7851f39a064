import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { namesFor } from '../src/desired/policy-name.ts'
import { NotReady, StoreRejected, StoreUnavailable } from '../src/errors.ts'
import type { ObjectStore } from '../src/object-store/object-store.ts'
import { allRecordings, budget, HOOK_TOKEN, ROOT_KEY, recording } from './fixtures/builders.ts'
import { buildFakeObjectStore } from './fixtures/fake-object-store.ts'
import { serve } from './fixtures/served.ts'

const TOKENS = `${HOOK_TOKEN},fake-hook-token-1`
const authorization = `Bearer ${HOOK_TOKEN}`
const headers = { authorization }
const firstSync = recording('decorator/first-sync').calls[0]?.request

/** A copy of the first sync with some of its Namespace's metadata replaced. */
function syncOf(metadata: object): object {
  const body = structuredClone(firstSync)
  Object.assign(body.object.metadata, metadata)
  return body
}

t.test('a malformed annotation stops a sync by name, and no finalize', async (t) => {
  const { store, world } = buildFakeObjectStore()
  const { server } = serve(store)
  const annotations = { 'pipelines.kubeflow.org/rotate-credentials-at': 'tomorrow' }
  const call = (hook: string, metadata: object) =>
    server.inject({ method: 'POST', url: `/${hook}`, headers, payload: syncOf(metadata) })
  t.equal((await call('sync', {})).statusCode, 200)

  const refused = await call('sync', { annotations })
  t.equal(refused.statusCode, 422)
  t.match(refused.json(), {
    code: 'S3P_INVALID_PROFILE',
    message: /^Annotation pipelines.kubeflow.org\/rotate-credentials-at must be a time such as/
  })
  t.notOk('attachments' in refused.json())
  t.equal(world.users.size, 1)

  const optedOut = await call('sync', { annotations, labels: {} })
  t.match(optedOut.json(), { attachments: [] })
  const finalized = await call('finalize', { annotations })
  t.match(finalized.json(), { finalized: false })
  t.equal(world.users.size, 0)
})

t.test(
  'a malformed data policy stops a sync by name, and a deletion once its key is gone',
  async (t) => {
    const { store, world } = buildFakeObjectStore()
    const { server } = serve(store)
    const deleted = { deletionTimestamp: '2027-01-15T08:00:00Z' }
    const call = (hook: string, metadata: object) =>
      server.inject({ method: 'POST', url: `/${hook}`, headers, payload: syncOf(metadata) })
    t.equal((await call('sync', {})).statusCode, 200)
    const { name } = firstSync.object.metadata
    const bucket = [...world.buckets].find((candidate) => candidate.includes(name)) ?? ''
    world.objects.add(`${bucket}/data`)

    const wrong = { annotations: { 'pipelines.kubeflow.org/data-policy': 'Delete' } }
    for (const [hook, metadata] of [
      ['sync', wrong],
      ['finalize', { ...wrong, ...deleted }]
    ] as const) {
      const refused = await call(hook, metadata)
      t.equal(refused.statusCode, 422)
      const { code, message } = refused.json()
      t.equal(code, 'S3P_INVALID_PROFILE')
      t.ok(message.includes(`pipelines.kubeflow.org/data-policy of profile ${name} must be`))
      t.ok(message.includes(`Delete/${name}`), 'shows what to write')
      t.notOk('attachments' in refused.json())
      t.equal(world.users.size, hook === 'sync' ? 1 : 0)
    }

    const right = { annotations: { 'pipelines.kubeflow.org/data-policy': `Delete/${name}` } }
    world.removedAtOnce = 0
    t.same((await call('finalize', { ...right, ...deleted })).json(), {
      attachments: [],
      finalized: false,
      resyncAfterSeconds: 1
    })
    world.removedAtOnce = 1
    t.match((await call('finalize', { ...right, ...deleted })).json(), { resyncAfterSeconds: 25 })
    t.notOk(world.buckets.has(bucket))
  }
)

for (const { name, calls } of allRecordings()) {
  t.test(`a real Metacontroller gets the right answers: ${name}`, async (t) => {
    const { store, world } = buildFakeObjectStore()
    const { server } = serve(store, { HOOK_TOKEN: TOKENS })
    const listName = name.startsWith('composite/') ? 'children' : 'attachments'
    const keys = new Map<string, string>()
    for (const { hook, request, headers: sent } of calls) {
      const response = await server.inject({
        method: 'POST',
        url: `/${hook}`,
        headers: { authorization: sent['Authorization'] ?? authorization },
        payload: request
      })
      t.equal(response.statusCode, 200)
      const answer = response.json()
      if (hook === 'customize') {
        t.same(answer, { relatedResources: [] })
        continue
      }
      const parent = request.parent ?? request.object
      const isGoing = hook === 'finalize' || parent.metadata.deletionTimestamp !== undefined
      const kinds = answer[listName].map(({ kind }: { kind: string }) => kind)
      t.same(kinds, isGoing ? [] : ['Secret', 'ConfigMap', 'ConfigMap', 'ConfigMap'])
      t.equal('finalized' in answer, hook === 'finalize', 'finalized is said by finalize alone')
      for (const { metadata } of answer[listName]) {
        t.equal(metadata.namespace, parent.metadata.name)
      }
      if (listName === 'attachments') {
        t.notOk('status' in answer, 'the status of a Namespace is never touched')
      } else {
        const ours = ({ type }: { type: string }) => type !== 'ObjectStorageReady'
        const before = parent.status?.conditions ?? []
        t.same((answer.status.conditions ?? []).filter(ours), before, 'no other condition is wiped')
      }
      const uid = parent.metadata.ownerReferences?.[0]?.uid ?? parent.metadata.uid
      if (isGoing) keys.delete(uid)
      else keys.set(uid, Buffer.from(answer[listName][0].data.accesskey, 'base64').toString())
    }
    const alive = [...world.users.values()].flatMap((user) => [...user.keys.keys()])
    t.same(alive.sort(), [...keys.values()].sort(), 'each living profile has exactly its own key')
  })
}

t.test('sync', async (t) => {
  t.test('answers the same profile alike under both controllers', async (t) => {
    const { store, world } = buildFakeObjectStore()
    const { server } = serve(store)
    const parent = { ...recording('composite/first-sync').calls[0]?.request }
    const owner = firstSync.object.metadata.ownerReferences[0]
    parent.parent = structuredClone(parent.parent)
    Object.assign(parent.parent.metadata, { name: owner.name, uid: owner.uid })
    const post = (payload: object) =>
      server.inject({ method: 'POST', url: '/sync', headers, payload })
    const composite = (await post(parent)).json()
    const decorator = (await post(firstSync)).json()
    t.same(composite.children, decorator.attachments)
    t.equal(world.users.size, 1)
  })

  t.test('gives a Namespace without the label nothing', async (t) => {
    const { store, world } = buildFakeObjectStore()
    const { server } = serve(store)
    const payload = syncOf({ labels: { 'pipelines.kubeflow.org/enabled': 'false' } })
    const response = await server.inject({ method: 'POST', url: '/sync', headers, payload })
    t.equal(response.statusCode, 200)
    t.same(response.json().attachments, [])
    t.equal(world.calls, 0)
  })

  t.test('has a limit above Fastify’s own for whole objects', async (t) => {
    const { server } = serve(buildFakeObjectStore().store)
    const payload = syncOf({ annotations: { big: 'x'.repeat(2 * 1024 * 1024) } })
    const response = await server.inject({ method: 'POST', url: '/sync', headers, payload })
    t.equal(response.statusCode, 200)
  })
})

t.test('bad requests', async (t) => {
  const without = (key: string) => {
    const body = structuredClone(firstSync)
    delete body[key]
    return body
  }
  const CASES: [what: string, payload: unknown, status: number, message: RegExp][] = [
    ['text that is not JSON', '{"object":', 400, /JSON/],
    ['a prototype attack', '{"__proto__":{"object":{}}}', 400, /required property 'object'/],
    ['nothing', {}, 400, /body must have required property 'object'/],
    ['a list', [], 400, /body must be object/],
    ['no attachments', without('attachments'), 400, /required property 'attachments'/],
    [
      'null attachments',
      { ...firstSync, attachments: null },
      400,
      /body\/attachments must be object/
    ],
    [
      'null children',
      { ...recording('composite/first-sync').calls[0]?.request, children: null },
      400,
      /body\/children must be object/
    ],
    [
      'another kind of parent',
      { ...firstSync, object: { ...firstSync.object, kind: 'Pod' } },
      400,
      /body\/object\/kind/
    ],
    [
      'a Namespace as the parent of a CompositeController',
      { parent: firstSync.object, children: {} },
      400,
      /body\/parent\/apiVersion/
    ],
    ['an endless uid', syncOf({ uid: 'x'.repeat(129) }), 400, /body\/object\/metadata\/uid/],
    ['no uid', syncOf({ uid: undefined }), 400, /body\/object\/metadata .*uid/],
    [
      'a number for a name',
      syncOf({ name: 7 }),
      400,
      /body\/object\/metadata\/name must be string/
    ],
    ['a list of labels', syncOf({ labels: [] }), 400, /body\/object\/metadata\/labels/],
    ['a name with dots', syncOf({ name: 'team.a' }), 422, /RFC 1123 label.*team\.a/],
    ['a name that climbs', syncOf({ name: '../admin' }), 422, /RFC 1123/],
    ['a name of 64 characters', syncOf({ name: 'a'.repeat(64) }), 422, /RFC 1123/],
    ['an upper-case name', syncOf({ name: 'Team-A' }), 422, /RFC 1123/]
  ]
  const { store, world } = buildFakeObjectStore()
  const { server } = serve(store)
  for (const [what, payload, status, message] of CASES) {
    t.test(`${what}: ${status}`, async (t) => {
      const response = await server.inject({
        method: 'POST',
        url: '/sync',
        headers: { ...headers, 'content-type': 'application/json' },
        payload: typeof payload === 'string' ? payload : JSON.stringify(payload)
      })
      t.equal(response.statusCode, status)
      t.match(response.json().message, message)
      t.notOk('attachments' in response.json())
    })
  }
  t.test('none of them reaches the store', async (t) => {
    t.equal(world.calls, 0)
  })
})

t.test('what a tenant or another controller may write blocks no hook', async (t) => {
  const launcher = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'kfp-launcher',
      namespace: 'team-a',
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', uid: 'x'.repeat(1000) }]
    },
    data: { ['__proto__']: 'polluted', constructor: 'x' }
  }
  const composite = recording('composite/first-sync').calls[0]?.request
  const withStatus = (status: unknown) => ({
    ...composite,
    parent: { ...composite.parent, status }
  })
  const withLauncher = JSON.stringify({
    ...firstSync,
    attachments: { 'ConfigMap.v1': { 'team-a/kfp-launcher': launcher } }
  }).replace('"constructor"', '"__proto__":{"polluted":true},"constructor"')
  const BODIES = [
    withLauncher,
    ...[
      null,
      {},
      { conditions: null },
      { conditions: [{ type: 'Failed', message: 'm' }, {}, 7] }
    ].map((status) => JSON.stringify(withStatus(status)))
  ]
  const { server } = serve(buildFakeObjectStore().store)
  for (const payload of BODIES) {
    for (const url of ['/sync', '/finalize']) {
      const response = await server.inject({
        method: 'POST',
        url,
        headers: { ...headers, 'content-type': 'application/json' },
        payload
      })
      t.equal(response.statusCode, 200, url)
    }
  }
  t.notOk('polluted' in {})
})

t.test('authentication', async (t) => {
  const { store } = buildFakeObjectStore()
  const { server } = serve(store, { HOOK_TOKEN: TOKENS })
  const post = (url: string, token?: string) =>
    server.inject({
      method: 'POST',
      url,
      headers: token === undefined ? {} : { authorization: token },
      payload: firstSync
    })
  for (const url of ['/sync', '/finalize', '/customize']) {
    t.equal((await post(url)).statusCode, 401, `${url} without a token`)
    t.equal((await post(url, 'Bearer wrong-hook-token-00')).statusCode, 401, `${url}, wrong token`)
    t.equal((await post(url, HOOK_TOKEN)).statusCode, 401, `${url}, not a bearer token`)
  }
  t.equal((await post('/sync', authorization)).statusCode, 200, 'the first token')
  t.equal((await post('/sync', 'bearer fake-hook-token-1')).statusCode, 200, 'the second token')
  t.equal((await server.inject('/healthz')).statusCode, 200, 'health needs none')

  const open = serve(buildFakeObjectStore().store, { HOOK_AUTH: 'none', HOOK_TOKEN: '' })
  const response = await open.server.inject({ method: 'POST', url: '/sync', payload: firstSync })
  t.equal(response.statusCode, 200, 'HOOK_AUTH=none needs none')
})

t.test('dryRun=All', async (t) => {
  const { store, world } = buildFakeObjectStore()
  const { server } = serve(store)
  for (const hook of ['sync', 'finalize']) {
    const url = `/${hook}?dryRun=All`
    const response = await server.inject({ method: 'POST', url, headers, payload: firstSync })
    t.equal(response.statusCode, 200)
    t.match(response.json(), { dryRun: 'All', plan: { namespace: 'team-a' } })
  }
  t.equal(world.calls, 0, 'asks nobody and writes nothing')
  const url = '/sync?dryRun=Some'
  const response = await server.inject({ method: 'POST', url, headers, payload: firstSync })
  t.equal(response.statusCode, 400, 'anything else is not taken for a real run')
  t.equal(world.calls, 0)
})

t.test('a store in trouble', async (t) => {
  const TROUBLES: [Error, number][] = [
    [new StoreUnavailable('creating user u for profile team-a', 'ECONNREFUSED'), 503],
    [new StoreRejected('creating user u for profile team-a', 'AccessDenied (HTTP 403)'), 502],
    [new TypeError(`cannot read ${ROOT_KEY}`), 500],
    [new DOMException(`aborted ${ROOT_KEY}`, 'TimeoutError'), 500]
  ]
  for (const [trouble, status] of TROUBLES) {
    t.test(`${trouble.name}: ${status}, one sentence and no list`, async (t) => {
      const { store, world } = buildFakeObjectStore()
      const ensureIdentity: ObjectStore['ensureIdentity'] = async () => {
        throw trouble
      }
      const { server } = serve({ ...store, ensureIdentity })
      const sync = { method: 'POST', url: '/sync', headers, payload: firstSync } as const
      const response = await server.inject(sync)
      t.equal(response.statusCode, status)
      const answer = response.json()
      t.same(Object.keys(answer), ['statusCode', 'code', 'error', 'message'])
      t.match(answer.message, status === 500 ? /POST \/sync/ : /creating user u for profile team-a/)
      t.notMatch(response.body, ROOT_KEY)
      t.equal(world.users.size, 0)
      const { body } = await server.inject('/metrics')
      t.match(body, `s3p_hook_seconds_count{hook="sync",outcome="${answer.code}"} 1`)

      const healed = serve(store)
      t.equal(
        (await healed.server.inject(sync)).statusCode,
        200,
        'the next sync completes the work'
      )
    })
  }
})

t.test('a store that is busy with other profiles', async (t) => {
  const before = buildFakeObjectStore()
  const sync = { method: 'POST', url: '/sync', headers, payload: firstSync } as const
  const { attachments } = (await serve(before.store).server.inject(sync)).json()
  const { store, world } = buildFakeObjectStore(before.world)
  const { server } = serve(store)
  const call = (hook: string, payload: object) =>
    server.inject({ method: 'POST', url: `/${hook}`, headers, payload })
  const secret = attachments.find(({ kind }: { kind: string }) => kind === 'Secret')
  const settled = { ...firstSync, attachments: { 'Secret.v1': { secret } } }
  const other = syncOf({ name: 'team-b', uid: 'uid-of-team-b', ownerReferences: [] })
  const busy = Promise.withResolvers<void>()
  const running = [1, 2, 3, 4, 5].map(() => store.admit(budget(), () => busy.promise))

  await t.test('turns a new profile away before anything is begun', async (t) => {
    const { calls } = world
    const response = await call('sync', other)
    t.equal(response.statusCode, 429)
    t.equal(response.headers['retry-after'], '1')
    t.same(response.json(), {
      statusCode: 429,
      code: 'S3P_BUSY',
      error: 'Too Many Requests',
      message:
        'The object store is busy with other profiles, and profile team-b has its turn in about 1 s'
    })
    t.equal(world.calls, calls)
  })

  await t.test('answers whoever needs no write', async (t) => {
    const { length } = world.writes
    t.equal((await call('sync', settled)).statusCode, 200)
    t.equal((await call('sync', firstSync)).statusCode, 200, 'a stale view, too')
    t.equal(world.writes.length, length)
  })

  await t.test('takes a key away without delay', async (t) => {
    t.equal((await call('finalize', settled)).statusCode, 200)
    t.equal(world.users.size, 0)
  })

  await t.test('takes in the new profile afterwards', async (t) => {
    busy.resolve()
    await Promise.all(running)
    t.equal((await call('sync', other)).statusCode, 200)
  })
})

t.test('what an error leaves under way at the store ends with the call', async (t) => {
  const { store } = buildFakeObjectStore()
  let left: AbortSignal | undefined
  const failing: ObjectStore = {
    ...store,
    async ensureBucket(_bucket, { signal }) {
      left = signal
      throw new StoreUnavailable('creating the bucket', 'it is away')
    }
  }
  const { server } = serve(failing)
  const answer = await server.inject({ method: 'POST', url: '/sync', headers, payload: firstSync })
  t.equal(answer.statusCode, 503)
  t.equal(left?.aborted, true)
})

t.test('a call ends when its budget is spent, whatever the store does', async (t) => {
  const { store } = buildFakeObjectStore()
  const silent: ObjectStore = {
    ...store,
    async ensureBucket(_bucket, { signal }) {
      await once(signal, 'abort')
      throw new StoreUnavailable('creating the bucket', 'the budget is spent')
    }
  }
  const { server } = serve(silent, { SYNC_BUDGET: '1s' })
  const startedAt = performance.now()
  const answer = await server.inject({ method: 'POST', url: '/sync', headers, payload: firstSync })
  t.equal(answer.statusCode, 503)
  t.ok(performance.now() - startedAt >= 990, 'and not before')
})

t.test('no secret reaches a log line or an error', async (t) => {
  const { store, world } = buildFakeObjectStore()
  const { server, logged } = serve(store)
  const bodies: string[] = []
  const post = async (url: string, payload: object) => {
    const response = await server.inject({ method: 'POST', url, headers, payload })
    const isSync = response.statusCode === 200 && url === '/sync'
    if (!isSync) bodies.push(response.body)
    return response
  }
  const { attachments } = (await post('/sync', firstSync)).json()
  const secret = Buffer.from(attachments[0].data.secretkey, 'base64').toString()
  t.equal(secret.length, 40, 'the answer itself does carry it')

  const steady = structuredClone(firstSync)
  steady.attachments = { 'Secret.v1': { 'team-a/mlpipeline-minio-artifact': attachments[0] } }
  steady.attachments['Secret.v1']['team-a/mlpipeline-minio-artifact'].metadata.uid = ''
  await post('/sync', steady)
  await post('/sync?dryRun=All', firstSync)
  world.users.clear()
  for (const name of namesFor([...world.policies.keys()][0] ?? '')) {
    world.policies.set(name, { Version: 'edited', Statement: [] })
  }
  await post('/sync', firstSync)
  await post('/finalize', firstSync)
  await server.inject({ method: 'POST', url: '/sync', payload: firstSync })
  t.ok(bodies.some((body) => body.includes('S3P_STORE_REJECTED')))

  const everything = [logged(), ...bodies].join('')
  for (const text of [secret, attachments[0].data.secretkey, ROOT_KEY, HOOK_TOKEN]) {
    t.notOk(everything.includes(text))
  }
})

t.test('health', async (t) => {
  const { store, world } = buildFakeObjectStore()
  const { server, logged } = serve(store)
  const ready = await server.inject('/readyz')
  t.equal(ready.statusCode, 200)
  t.same(ready.json(), { status: 'ok', warnings: [] })
  t.equal(logged(), '', 'says nothing while all is well')

  const { calls } = world
  await Promise.all([1, 2, 3].map(() => server.inject('/readyz')))
  t.equal(world.calls, calls, 'many who ask at once get one answer')
})

t.test('a store that is not ready is told by /readyz each time and by the log once', async (t) => {
  const { store } = buildFakeObjectStore()
  const faults = ['AWS_ENDPOINT_URL_S3: nobody listens', 'AWS_ENDPOINT_URL_IAM: read-only']
  const [first = '', second = ''] = faults
  let fault: string | undefined = first
  const checkReadiness = async () => {
    if (fault !== undefined) throw new NotReady(fault)
    return { storeVersion: '4.48', otherWriters: [] }
  }
  const { server, logged } = serve({ ...store, checkReadiness })
  const later = async () => {
    await pause(2_100)
    return server.inject('/readyz')
  }
  const messages = () =>
    logged()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).msg)

  const response = await server.inject('/readyz')
  t.equal(response.statusCode, 503)
  t.same(response.json(), {
    statusCode: 503,
    code: 'S3P_NOT_READY',
    error: 'Service Unavailable',
    message: first
  })
  t.equal((await server.inject('/healthz')).statusCode, 200, 'the process itself is fine')
  t.equal((await later()).json().message, first)
  t.same(messages(), [`Not ready: ${first}`])

  fault = second
  t.equal((await later()).json().message, second)
  fault = undefined
  t.equal((await later()).statusCode, 200)
  t.same(messages(), [
    `Not ready: ${first}`,
    `Not ready: ${second}`,
    'Ready again: the store answers as it should'
  ])
})

t.test('a store that takes its time is asked by one probe at a time', async (t) => {
  const { store } = buildFakeObjectStore()
  const slow = Promise.withResolvers<{ storeVersion: string; otherWriters: string[] }>()
  let asked = 0
  const checkReadiness = () => {
    asked += 1
    return slow.promise
  }
  const { server } = serve({ ...store, checkReadiness })
  const first = server.inject('/readyz')
  await pause(2_100)
  const second = server.inject('/readyz')
  await pause(100)
  slow.resolve({ storeVersion: '4.48', otherWriters: [] })
  t.same([(await first).statusCode, (await second).statusCode], [200, 200])
  t.equal(asked, 1)
})

t.test('a readiness check that fails by a bug says so', async (t) => {
  const { store } = buildFakeObjectStore()
  const checkReadiness = async () => {
    throw new TypeError('of ours')
  }
  const { server } = serve({ ...store, checkReadiness })
  const response = await server.inject('/readyz')
  t.equal(response.statusCode, 500)
  t.equal(response.json().code, 'S3P_UNEXPECTED')
})

t.test('known holes are told by /readyz each time and by the log once', async (t) => {
  let storeVersion = '4.34'
  const { store } = buildFakeObjectStore()
  const environment = { BUCKET_LAYOUT: 'shared', TOP_LEVEL_BROWSE: 'true' }
  const checkReadiness = async () => ({ storeVersion, otherWriters: [] })
  const { server, logged } = serve({ ...store, checkReadiness }, environment)
  const linesLogged = () => logged().trim().split('\n').length
  const markers =
    'List markers show every profile the names of other profiles’ objects; ' +
    'upgrade to SeaweedFS 4.48 or newer, or set BUCKET_LAYOUT=per-profile.'
  const browsing =
    'Browsing the top level shows every profile the names of all namespaces; ' +
    'set TOP_LEVEL_BROWSE=false.'

  const response = await server.inject('/readyz')
  t.equal(response.statusCode, 200, 'it is ready all the same')
  t.same(response.json().warnings, [markers, browsing])
  t.match(logged(), markers)
  t.match(logged(), browsing)
  t.equal(linesLogged(), 2)

  storeVersion = '4.48'
  await pause(2_100)
  t.same((await server.inject('/readyz')).json().warnings, [browsing], 'the store was upgraded')
  t.equal(linesLogged(), 2, 'nothing is said twice')
})

t.test('others that can write identities are told by /readyz', async (t) => {
  const { store } = buildFakeObjectStore()
  const otherWriters = ['http://seaweedfs:8111']
  const checkReadiness = async () => ({ storeVersion: '4.48', otherWriters })
  const { server } = serve({ ...store, checkReadiness })
  const response = await server.inject('/readyz')
  t.equal(response.statusCode, 200)
  t.match(response.json().warnings, [/^Identities can be written over HTTP at http:.*:8111, .*\.$/])
})

t.test('metrics', async (t) => {
  const { server } = serve(buildFakeObjectStore().store)
  await server.inject({ method: 'POST', url: '/sync', headers, payload: firstSync })
  await server.inject({ method: 'POST', url: '/sync', payload: firstSync })
  const { body } = await server.inject('/metrics')
  t.match(body, /s3p_hook_seconds_count\{hook="sync",outcome="ok"\} 1/)
  t.match(body, /s3p_hook_seconds_count\{hook="sync",outcome="S3P_UNAUTHORIZED"\} 1/)
  t.notMatch(body, 'team-a')
})
