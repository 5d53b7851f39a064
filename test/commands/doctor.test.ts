import t, { type Test } from 'tap'
import { doctor } from '../../src/commands/doctor.ts'
import { accessKeyFor } from '../../src/desired/credentials.ts'
import { StoreRejected, StoreUnavailable } from '../../src/errors.ts'
import type { ObjectStore } from '../../src/object-store/object-store.ts'
import { config, ROOT_KEY } from '../fixtures/builders.ts'
import { buildFakeObjectStore } from '../fixtures/fake-object-store.ts'
import type { FakeUser } from '../fixtures/fake-world.ts'
import { type FilerScript, grpcError, startStubFiler } from '../fixtures/stub-filer.ts'
import {
  iamAnswer,
  iamError,
  type Script,
  type StubAnswer,
  s3Error,
  startStubStore
} from '../fixtures/stub-store.ts'

const READY = 'GET /mlpipeline/.s3-profile-controller/ready'
const TRIAL = 'GET /mlpipeline/.s3-profile-controller/doctor'

function readyFrom(headers: Record<string, string>): StubAnswer {
  return { ...s3Error(404, 'NoSuchKey'), headers: { server: 'SeaweedFS 8000GB 4.48', ...headers } }
}

const TRIAL_USER = 'profile-doctor'

/** The command on a store whose endpoints follow the script, and whose users are a fake's. */
async function examine(
  t: Test,
  script: Script = {},
  {
    overrides = {},
    store: storeOverrides = {},
    storeCa,
    trialUser,
    signal = new AbortController().signal
  }: {
    overrides?: Record<string, string>
    store?: Partial<ObjectStore>
    storeCa?: string
    trialUser?: FakeUser
    signal?: AbortSignal
  } = {}
) {
  const stub = await startStubStore(t, {
    [READY]: readyFrom({}),
    DetachUserPolicy: iamError(404, 'NoSuchEntity'),
    [TRIAL]: s3Error(403, 'AccessDenied'),
    ListAccessKeys: { status: 405 },
    ListUsers: s3Error(403, 'AccessDenied'),
    ...script
  })
  const { s3Endpoint } = stub.settings
  const { profile, ...rest } = config({
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    AWS_ENDPOINT_URL_IAM: s3Endpoint,
    ...overrides
  })
  const { store, world } = buildFakeObjectStore()
  if (trialUser !== undefined) world.users.set(TRIAL_USER, trialUser)
  const storeAddress = new URL(s3Endpoint).host
  const settings = { ...rest, profile: { ...profile, storeAddress, storeCa } }
  const findings = await doctor(
    settings,
    { ...store, ...storeOverrides },
    { objects: undefined, sideDoors: { filer: [s3Endpoint], master: [], volume: [] }, signal }
  )
  return {
    stub,
    world,
    findings,
    of: (check: string) => findings.filter((one) => one.check === check)
  }
}

t.test('an installation that lacks nothing', async (t) => {
  const { findings, world } = await examine(t)
  t.same(
    findings.filter(({ verdict }) => verdict !== 'ok').map(({ check }) => check),
    ['Metacontroller'],
    'but that nothing of the cluster was given'
  )
  t.ok(world.writes.some((step) => step === 'creating user profile-doctor'))
  t.equal(world.users.size, 0, 'the trial user is gone')
  t.equal(world.policies.size, 0)
})

t.test('settings that are valid and no good', async (t) => {
  const overrides = { AWS_SECRET_ACCESS_KEY: 'minio123', HOOK_AUTH: 'none', HOOK_TOKEN: '' }
  const { of } = await examine(t, {}, { overrides })
  t.match(of('admin pair'), [{ verdict: 'failed', evidence: /everybody knows/ }])
  t.match(of('hook token'), [{ verdict: 'warning' }])
})

t.test('endpoints that are not what they should be', async (t) => {
  const { of, world } = await examine(t, {
    [READY]: s3Error(403, 'InvalidAccessKeyId'),
    DetachUserPolicy: s3Error(403, 'AccessDenied', 'IAM write operations are disabled')
  })
  t.match(of('S3 endpoint'), [
    { verdict: 'failed', evidence: /^AWS_ACCESS_KEY_ID: .* does not know/, remedy: /^give the key/ }
  ])
  t.match(of('IAM endpoint'), [{ verdict: 'failed', remedy: /^start it with -s3.iam.readOnly/ }])
  t.match(of('endpoint in ConfigMaps'), [{ verdict: 'failed' }])
  t.match(of('supplied keys'), [{ verdict: 'skipped' }])
  t.equal(world.writes.length, 0)

  const elsewhere = await examine(t, { [READY]: [readyFrom({}), { status: 404 }] })
  const [configMaps] = elsewhere.of('endpoint in ConfigMaps')
  t.match(configMaps, { verdict: 'failed', evidence: /^OBJECT_STORE_HOST: what answers at/ })
})

t.test('profiles are told https where the store has an authority', async (t) => {
  const { of } = await examine(t, {}, { storeCa: 'of the store' })
  t.match(of('endpoint in ConfigMaps'), [
    { verdict: 'failed', evidence: /does not speak TLS$/, remedy: 'unset OBJECT_STORE_CA' }
  ])
})

t.test('a bug is no finding', async (t) => {
  const signal = {} as AbortSignal
  await t.rejects(examine(t, {}, { signal }), TypeError)
})

t.test('versions and clocks', async (t) => {
  const minutes = (count: number) => new Date(Date.now() + count * 60_000).toUTCString()
  const cases: [headers: Record<string, string>, check: string, verdict: string][] = [
    [{ server: 'istio-envoy' }, 'store version', 'warning'],
    [{ server: 'SeaweedFS 30GB 4.30' }, 'store version', 'warning'],
    [{ date: minutes(2) }, 'clocks', 'warning'],
    [{ date: minutes(-2) }, 'clocks', 'warning'],
    [{ date: 'unknown' }, 'clocks', 'skipped']
  ]
  for (const [headers, check, verdict] of cases) {
    const { of } = await examine(t, { [READY]: readyFrom(headers) })
    t.match(of(check), [{ verdict, remedy: /./ }], JSON.stringify(headers))
  }
})

t.test('keys that are not taken as they should be', async (t) => {
  const cases: [store: Partial<ObjectStore>, verdict: string, evidence: RegExp][] = [
    [{ probe: async () => 'wrong-secret' }, 'failed', /keeps another secret/],
    [{ probe: async () => 'readable' }, 'warning', /without rights reads bucket mlpipeline/],
    [{ probe: async () => 'no-bucket' }, 'ok', /./],
    [
      {
        ensureIdentity: async () => {
          throw new StoreRejected('issuing', 'it draws keys of its own')
        }
      },
      'failed',
      /draws keys of its own/
    ],
    [
      {
        ensurePolicy: async () => {
          throw new StoreRejected('creating policy', 'no')
        }
      },
      'failed',
      /creating policy: no/
    ]
  ]
  for (const [store, verdict, evidence] of cases) {
    const { of, world } = await examine(t, {}, { store })
    t.match(of('supplied keys'), [{ verdict, evidence }])
    t.equal(world.users.size, 0)
    t.equal(world.policies.size, 0)
  }
})

t.test('what a run that was killed left is removed', async (t) => {
  const { accessKeyId, secretAccessKey } = accessKeyFor(Buffer.from(ROOT_KEY), TRIAL_USER, 1)
  const keys = new Map([[accessKeyId, { secretAccessKey, isActive: true }]])
  for (const trialUser of [
    { policies: new Set<string>(), keys: new Map() },
    { policies: new Set([TRIAL_USER]), keys }
  ]) {
    const { of, world } = await examine(t, {}, { trialUser })
    t.match(of('supplied keys'), [{ verdict: 'ok' }])
    t.equal(world.users.size, 0)
    t.equal(world.policies.size, 0)
  }
})

t.test('a user of that name who is not ours is left as it is', async (t) => {
  const foreign = new Map([['AKIAFOREIGN', { secretAccessKey: 'theirs', isActive: true }]])
  const users: FakeUser[] = [
    { policies: new Set(), keys: foreign },
    { policies: new Set(['readwrite']), keys: new Map() },
    {
      policies: new Set(),
      keys: new Map(),
      inlinePolicies: ['KubeflowProjectprofile-doctor']
    },
    { policies: new Set(), keys: new Map(), groups: ['team'] }
  ]
  for (const trialUser of users) {
    const { of, world } = await examine(t, {}, { trialUser })
    t.match(of('supplied keys'), [{ verdict: 'skipped', evidence: /is there and not ours$/ }])
    t.equal(world.users.get(TRIAL_USER), trialUser)
    t.same(world.writes, [])
  }
})

t.test('a trial user that cannot be removed is told, with what was found', async (t) => {
  const deleteIdentity = async () => {
    throw new StoreUnavailable('deleting user profile-doctor', 'it is busy')
  }
  const { of } = await examine(t, {}, { store: { deleteIdentity } })
  t.match(of('supplied keys'), [{ verdict: 'ok' }])
  t.match(of('trial user'), [{ verdict: 'warning', evidence: /deleting user profile-doctor/ }])
})

t.test('a key that a gateway knows late, or never', async (t) => {
  let asked = 0
  const probe = async () => (++asked > 1 ? 'denied' : 'unknown-key')
  const late = await examine(t, {}, { store: { probe: probe as ObjectStore['probe'] } })
  t.match(late.of('supplied keys'), [{ verdict: 'ok' }])

  const never = await examine(t, {}, { store: { probe: async () => 'unknown-key' } })
  t.match(never.of('supplied keys'), [{ verdict: 'failed', remedy: 'name the same store in both' }])
  t.same(never.of('one store'), [])
})

t.test('an address in ConfigMaps that is another store', async (t) => {
  const { of } = await examine(t, { [TRIAL]: s3Error(403, 'SignatureDoesNotMatch') })
  t.match(of('one store'), [{ verdict: 'failed', evidence: /says wrong-secret to a key/ }])
})

t.test('an IAM server that asks nobody for a key', async (t) => {
  const open = await examine(t, { ListUsers: iamAnswer('ListUsers') })
  const [finding] = open.findings.filter(({ check }) => check.startsWith('IAM without a key'))
  t.match(finding, { verdict: 'failed', evidence: /^answers anybody/, remedy: /^restart/ })
  t.equal(open.stub.request('ListUsers').headers.authorization, undefined)

  const { findings } = await examine(t, { ListUsers: 'reset' })
  t.match(
    findings.find(({ check }) => check.startsWith('IAM without a key')),
    { verdict: 'ok', evidence: 'not reachable from here (ECONNRESET)' }
  )
})

t.test('ways around the gateway', async (t) => {
  const { findings } = await examine(t, {
    ListAccessKeys: iamAnswer('ListAccessKeys'),
    'GET /etc/iam': { status: 200, body: '{"Entries":[]}' }
  })
  t.match(
    findings.find(({ check }) => check.startsWith('IAM on')),
    { verdict: 'warning' }
  )
  t.match(
    findings.find(({ check }) => check.startsWith('filer at')),
    { verdict: 'failed' }
  )
})

t.test('an interruption ends it once the trial user is gone', async (t) => {
  const interruption = new AbortController()
  const probe = async () => {
    interruption.abort(new Error('interrupted'))
    return 'denied' as const
  }
  const { signal } = interruption
  await t.rejects(examine(t, {}, { store: { probe }, signal }), /^interrupted$/)
})

t.test('with the identity API of the filer', async (t) => {
  const onFiler = async (script: FilerScript, storeScript: Script = {}) => {
    const { filer } = await startStubFiler(t, script)
    const overrides = {
      IDENTITY_API: 'filer',
      FILER_GRPC_ADDRESS: filer.address,
      FILER_JWT_SIGNING_KEY: filer.signingKey
    }
    const { of } = await examine(t, storeScript, { overrides })
    const openness = `filer without a token at ${filer.address}`
    return {
      service: of('identity service of the filer'),
      open: of(openness),
      http: of('IAM over HTTP')
    }
  }
  let asked = 0
  /** As the real one: without a token, which is asked for second, nobody is answered. */
  const strict = () => grpcError(++asked === 1 ? 5 : 16)

  t.test('a filer as it should be, and nobody else who writes', async (t) => {
    const { service, open, http } = await onFiler(
      { GetUser: strict },
      { DetachUserPolicy: { status: 405 } }
    )
    t.match([service, open, http], [[{ verdict: 'ok' }], [{ verdict: 'ok' }], [{ verdict: 'ok' }]])
  })

  t.test('a filer that asks nobody for a token, and a writable IAM', async (t) => {
    const { service, open, http } = await onFiler({ GetUser: () => grpcError(5) })
    t.match(service, [{ verdict: 'ok' }])
    t.match(open, [{ verdict: 'failed', remedy: /WEED_JWT_FILER_SIGNING_KEY/ }])
    t.match(http, [{ verdict: 'failed', evidence: /written over HTTP/, remedy: /-iam=false/ }])
  })

  t.test('a wrong key', async (t) => {
    const { service } = await onFiler({ GetUser: () => grpcError(16) })
    t.match(service, [{ verdict: 'failed', evidence: /^FILER_JWT_SIGNING_KEY: / }])
  })
})
