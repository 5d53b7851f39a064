import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { budget } from '../fixtures/builders.ts'
import { listening } from '../fixtures/listening.ts'
import { type FilerScript, grpcError, startStubFiler } from '../fixtures/stub-filer.ts'
import {
  failureOf,
  iamAnswer,
  iamError,
  ok,
  type Script,
  s3Error,
  startStubStore,
  storeSettings
} from '../fixtures/stub-store.ts'

const READY_OBJECT = 'GET /mlpipeline/.s3-profile-controller/ready'
const ACCESS_KEY = { accessKeyId: 'KEY1', secretAccessKey: 'secret-of-key-1' }

t.test('buildSeaweedFs', async (t) => {
  t.test('writes one identity at a time, and buckets meanwhile', async (t) => {
    const script: Script = {
      'HEAD /bucket-a': { status: 404 },
      'PUT /bucket-a': { status: 200 },
      DeleteAccessKey: ['hang', iamAnswer('DeleteAccessKey')]
    }
    const { settings } = await startStubStore(t, script)
    const events: string[] = []
    const store = buildSeaweedFs(settings, 'mlpipeline', (step, { namespace }) =>
      events.push(`${namespace}: ${step}`)
    )
    const ending = new AbortController()
    const running = store.deleteAccessKey('user-a', 'KEY1', {
      namespace: 'team-a',
      signal: ending.signal
    })
    const waiting = store.deleteAccessKey('user-b', 'KEY2', budget(10_000, 'team-b'))
    await store.ensureBucket('bucket-a', budget(10_000, 'team-c'))
    ending.abort()
    await t.rejects(running, { code: 'S3P_STORE_UNAVAILABLE' })
    await waiting
    t.strictSame(events, [
      'team-a: revoking access key KEY1 of user user-a',
      'team-c: creating bucket bucket-a',
      'team-b: revoking access key KEY2 of user user-b'
    ])
  })

  t.test('deletes a bucket in turn with the writes of identities', async (t) => {
    const script: Script = {
      DeleteAccessKey: 'hang',
      'HEAD /bucket-a': { status: 200 },
      'DELETE /bucket-a': { status: 204 },
      otherwise: ok()
    }
    const { settings } = await startStubStore(t, script)
    const events: string[] = []
    const store = buildSeaweedFs(settings, 'mlpipeline', (step) => events.push(step))
    const ending = new AbortController()
    const about = { namespace: 'team-a', signal: ending.signal }
    const running = store.deleteAccessKey('user-a', 'KEY1', about).catch(() => {})
    const deleting = store.deleteBucket('bucket-a', budget(10_000, 'team-b'))
    await pause(100)
    t.equal(events.length, 1)
    ending.abort()
    await Promise.all([running, deleting])
    t.equal(events.at(-1), 'deleting bucket bucket-a')
  })

  t.test('tells how many writes wait, and how long they did', async (t) => {
    const { settings } = await startStubStore(t, {
      'HEAD /bucket-a': { status: 404 },
      'PUT /bucket-a': { status: 200 },
      DeleteAccessKey: iamAnswer('DeleteAccessKey')
    })
    const lengths: string[] = []
    const waits: string[] = []
    const store = buildSeaweedFs(settings, 'mlpipeline', () => {}, {
      queueLength: (queue, length) => lengths.push(`${queue} ${length}`),
      writeWaited: (queue, seconds) => waits.push(`${queue} ${seconds < 5}`)
    })
    const revoke = (team: string) => store.deleteAccessKey('user', 'KEY', budget(10_000, team))
    await Promise.all([revoke('team-a'), revoke('team-b'), revoke('team-c')])
    t.equal(lengths.includes('identity 2'), true)
    t.equal(lengths.at(-1), 'identity 0')
    await store.ensureBucket('bucket-a', budget())
    t.strictSame(waits, [...Array(3).fill('identity true'), 'bucket true'])
  })

  t.test('turns calls away by the pace of its writes', async (t) => {
    const { settings } = await startStubStore(t, {})
    const store = buildSeaweedFs(settings, 'mlpipeline', () => {})
    const short = () => ({ ...budget(), endsAt: performance.now() + 900 })
    const first = store.admit(short(), async () => {
      const second = store.admit(short(), async () => 'too late')
      t.match(await failureOf(second), /^429 S3P_BUSY: /)
      return 'in time'
    })
    t.equal(await first, 'in time')
  })

  t.test('probes through the S3 endpoint', async (t) => {
    const stub = await startStubStore(t, { 'GET /bucket-a/key': s3Error(404, 'NoSuchKey') })
    const store = buildSeaweedFs(stub.settings, 'mlpipeline', () => {})
    t.equal(await store.probe(ACCESS_KEY, { bucket: 'bucket-a', key: 'key' }, budget()), 'absent')
  })

  t.test('sends each half of the port to its own endpoint', async (t) => {
    const s3 = await startStubStore(t, { 'HEAD /bucket-a': { status: 200 } })
    const iam = await startStubStore(t, { GetUser: iamError(404, 'NoSuchEntity') })
    const settings = { ...s3.settings, iamEndpoint: iam.settings.iamEndpoint }
    const store = buildSeaweedFs(settings, 'mlpipeline', () => {})
    await store.ensureBucket('bucket-a', budget())
    await store.readIdentity('user-a', budget())
    t.strictSame(s3.operations(), ['HEAD /bucket-a'])
    t.strictSame(iam.operations(), ['GetUser'])
  })

  t.test('keeps its connection to the identity endpoint', async (t) => {
    const sockets = new Set<unknown>()
    const { status, body } = iamError(404, 'NoSuchEntity')
    const server = createServer(({ socket }, response) => {
      sockets.add(socket)
      response.writeHead(status).end(body)
    })
    const iamEndpoint = `http://127.0.0.1:${await listening(t, server)}`
    const settings = { ...storeSettings('http://127.0.0.1:1'), iamEndpoint }
    const store = buildSeaweedFs(settings, 'mlpipeline', () => {})
    for (const user of ['user-a', 'user-b', 'user-c']) {
      t.equal(await store.readIdentity(user, budget()), undefined)
    }
    t.equal(sockets.size, 1)
  })
})

t.test('checkReadiness', async (t) => {
  const ready: Script = {
    [READY_OBJECT]: s3Error(404, 'NoSuchKey'),
    DetachUserPolicy: iamError(404, 'NoSuchEntity')
  }
  const checking = async (script: Script) => {
    const stub = await startStubStore(t, script)
    const writes: string[] = []
    const store = buildSeaweedFs(stub.settings, 'mlpipeline', (step) => writes.push(step))
    const check = () => failureOf(store.checkReadiness(budget()))
    return { stub, writes, check, failure: await check() }
  }

  t.test('asks both APIs and writes nothing', async (t) => {
    const { stub, writes, failure } = await checking(ready)
    t.equal(failure, 'no failure')
    t.strictSame(stub.operations(), [READY_OBJECT, 'DetachUserPolicy'])
    t.strictSame(writes, [])
  })

  t.test('says the version of the S3 API', async (t) => {
    const headers = { server: 'SeaweedFS 8000GB 4.34' }
    const script = { ...ready, [READY_OBJECT]: { ...s3Error(404, 'NoSuchKey'), headers } }
    const stub = await startStubStore(t, script)
    const store = buildSeaweedFs(stub.settings, 'mlpipeline', () => {})
    t.strictSame(await store.checkReadiness(budget()), { storeVersion: '4.34', otherWriters: [] })
  })

  t.test('asks the identity API until it has answered once, and the S3 API always', async (t) => {
    const wrong = s3Error(403, 'SignatureDoesNotMatch')
    const { DetachUserPolicy } = ready
    const script = {
      ...ready,
      DetachUserPolicy: [wrong, wrong, DetachUserPolicy, wrong]
    } as Script
    const { stub, check, failure } = await checking(script)
    t.match(failure, /^503 S3P_NOT_READY: AWS_SECRET_ACCESS_KEY: /)
    t.match(await check(), /^503 S3P_NOT_READY: AWS_SECRET_ACCESS_KEY: /)
    t.equal(await check(), 'no failure')
    t.equal(await check(), 'no failure', 'the identity API may be slow or gone from now on')
    t.strictSame(stub.operations(), [
      ...[READY_OBJECT, 'DetachUserPolicy'],
      ...[READY_OBJECT, 'DetachUserPolicy'],
      ...[READY_OBJECT, 'DetachUserPolicy'],
      READY_OBJECT
    ])
  })

  t.test('is not ready any more once the S3 API fails', async (t) => {
    const refusal = s3Error(403, 'SignatureDoesNotMatch')
    const script: Script = { ...ready, [READY_OBJECT]: [s3Error(404, 'NoSuchKey'), refusal] }
    const { stub, check, failure } = await checking(script)
    t.equal(failure, 'no failure')
    t.match(await check(), /^503 S3P_NOT_READY: AWS_SECRET_ACCESS_KEY: /)
    t.strictSame(stub.operations(), [READY_OBJECT, 'DetachUserPolicy', READY_OBJECT])
  })

  t.test('does not take an unasked identity API for answered', async (t) => {
    const refusal = s3Error(403, 'SignatureDoesNotMatch')
    const script: Script = { ...ready, [READY_OBJECT]: [refusal, s3Error(404, 'NoSuchKey')] }
    const { stub, check, failure } = await checking(script)
    t.match(failure, /AWS_SECRET_ACCESS_KEY/)
    t.equal(await check(), 'no failure')
    t.strictSame(stub.operations(), [READY_OBJECT, READY_OBJECT, 'DetachUserPolicy'])
  })

  const broken: [what: string, script: Script, failure: RegExp][] = [
    [
      'the S3 API',
      { ...ready, [READY_OBJECT]: s3Error(403, 'SignatureDoesNotMatch') },
      /^503 S3P_NOT_READY: AWS_SECRET_ACCESS_KEY: /
    ],
    [
      'the identity API',
      { ...ready, DetachUserPolicy: s3Error(403, 'SignatureDoesNotMatch') },
      /^503 S3P_NOT_READY: AWS_SECRET_ACCESS_KEY: /
    ]
  ]
  for (const [what, script, failure] of broken) {
    t.test(`is not ready without ${what}`, async (t) => {
      t.match((await checking(script)).failure, failure)
    })
  }
})

t.test('with the identity API of the filer', async (t) => {
  const s3 = await startStubStore(t, {
    [READY_OBJECT]: s3Error(404, 'NoSuchKey'),
    DetachUserPolicy: iamError(404, 'NoSuchEntity')
  })
  const onFiler = async (script: FilerScript) => {
    const { filer, calls } = await startStubFiler(t, script)
    const { iamEndpoint: _, ...settings } = s3.settings
    return { calls, store: buildSeaweedFs({ ...settings, filer }, 'mlpipeline', () => {}) }
  }

  t.test('is ready, and warns of others that write, as soon as it knows', async (t) => {
    const { calls, store } = await onFiler({ GetUser: () => grpcError(5) })
    const { otherWriters } = await store.checkReadiness(budget())
    t.strictSame(otherWriters, [], 'nobody waits for that')
    let found = otherWriters
    for (let attempt = 0; attempt < 200 && found.length === 0; attempt++) {
      await pause(10)
      found = (await store.checkReadiness(budget())).otherWriters
    }
    t.strictSame(found, [s3.settings.s3Endpoint])
    const methods = calls.map(({ method }) => method)
    t.strictSame(methods, ['GetUser', 'GetFilerConfiguration'], 'once for a while')
  })

  t.test('never falls back to another', async (t) => {
    const { store } = await onFiler({})
    const before = s3.operations().length
    t.match(await failureOf(store.readIdentity('user-a', budget())), /FILER_GRPC_ADDRESS/)
    t.match(await failureOf(store.checkReadiness(budget())), /^503 S3P_NOT_READY: FILER_GRPC_ADD/)
    t.strictSame(s3.operations().slice(before), [READY_OBJECT])
  })
})
