import t, { type Test } from 'tap'
import { freePorts } from '../../dev/free-ports.ts'
import { type SeaweedFs, VERSIONS } from '../../dev/seaweedfs.ts'
import { ownBucketPolicy } from '../../src/desired/access-policy.ts'
import { accessKeyFor } from '../../src/desired/credentials.ts'
import type { ObjectStore } from '../../src/object-store/object-store.ts'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { budget, config, ROOT_KEY } from '../fixtures/builders.ts'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { runCommand } from '../fixtures/command.ts'
import { filerAdmin } from '../fixtures/filer-admin.ts'
import { realSeaweedFs, storeEnvironment } from '../fixtures/real-seaweedfs.ts'
import {
  eventually,
  get,
  inParallel,
  refusalOf,
  rootOf,
  startService
} from '../fixtures/real-service.ts'
import { text } from '../fixtures/stub-filer.ts'
import { failureOf } from '../fixtures/stub-store.ts'

const USER = 'profile-team-a-01234567'
const KEY = accessKeyFor(Buffer.from(ROOT_KEY), USER, 0)
const POLICY = ownBucketPolicy('profile-')
const DESIRED = { policyName: POLICY.name, accessKey: KEY }
const PROFILES = 60

async function onFiler(t: Test, test: (t: Test, seaweedFs: SeaweedFs) => Promise<void>) {
  for (const version of VERSIONS) {
    await t.test(`on SeaweedFS ${version}`, async (t) => {
      const seaweedFs = await realSeaweedFs(t, { version, identityApi: 'filer' })
      if (seaweedFs !== undefined) await test(t, seaweedFs)
    })
  }
}

function storeOn(seaweedFs: SeaweedFs, overrides: Record<string, string> = {}): ObjectStore {
  const settings = config({ ...storeEnvironment(seaweedFs), ...overrides })
  return buildSeaweedFs(settings.store, 'mlpipeline', () => {})
}

t.test('two replicas at once lose nothing', (t) =>
  onFiler(t, async (t, seaweedFs) => {
    const replicas = [
      await startService(t, seaweedFs, seaweedFs.iamEndpoint, 'per-profile'),
      await startService(t, seaweedFs, seaweedFs.iamEndpoint, 'per-profile')
    ]
    const views = Array.from({ length: PROFILES }, (_, index) =>
      replicas.map(({ url }) => clusterView(url, `team-${index}`, `uid-${index}`))
    )
    const statuses: number[] = []
    // Every profile through both, at the same moment, as after an answer that was lost.
    await inParallel(views, async (pair) => {
      const answers = await Promise.all(pair.map((view) => view.sync()))
      statuses.push(...answers.map(({ status }) => status))
    })
    t.same(new Set(statuses), new Set([200]))
    const { users, findings } = await (replicas[0] as (typeof replicas)[number]).audit()
    t.equal(users, PROFILES)
    t.same(Object.values(findings).filter(Boolean), [])
    for (const [one, other] of views) {
      t.same(one?.accessKey, other?.accessKey)
      const { bucket, prefix } = rootOf(one as NonNullable<typeof one>)
      const client = s3Client(seaweedFs.s3Endpoint, one?.accessKey ?? KEY)
      t.equal(await refusalOf(get(client, bucket, `${prefix}missing`)), 'NoSuchKey')
    }
  })
)

t.test('what others wrote to a user survives every change of ours', (t) =>
  onFiler(t, async (t, seaweedFs) => {
    const store = await storeOn(seaweedFs)
    const ask = filerAdmin(seaweedFs)
    await store.ensurePolicy(POLICY, budget())
    await store.ensureIdentity(USER, DESIRED, undefined, budget())
    // Its account, a service account and a tag, which we do not know.
    const foreign = Buffer.concat([
      text(4, `${text(1, 'account-id')}${text(2, 'display name')}`),
      text(6, 'sa:somebody:1'),
      text(9, `${text(1, 'team')}${text(2, 'a')}`)
    ])
    const bytesOf = async () => {
      const { identity } = await ask<{ identity: Buffer }>('GetUser', { username: USER })
      return identity.toString('latin1')
    }
    const identity = Buffer.concat([Buffer.from(await bytesOf(), 'latin1'), foreign])
    await ask('UpdateUser', { username: USER, identity })

    const other = { ...POLICY, name: 'profile-other' }
    await store.ensurePolicy(other, budget())
    const changes = [
      () => store.disableAccessKey(USER, KEY.accessKeyId, budget()),
      async () => {
        const live = await store.readIdentity(USER, budget())
        await store.ensureIdentity(USER, { ...DESIRED, policyName: other.name }, live, budget())
      },
      () => store.deleteAccessKey(USER, KEY.accessKeyId, budget())
    ]
    for (const change of changes) {
      await change()
      const bytes = await bytesOf()
      for (const kept of ['account-id', 'display name', 'sa:somebody:1', 'team']) {
        t.ok(bytes.includes(kept), kept)
      }
    }
  })
)

t.test('a gateway with writable IAM is named', async (t) => {
  // Binaries, because gateways in containers register by addresses of their own network. As somebody leaves it who changes the setting and forgets the gateways.
  const [iamPort = 0] = await freePorts(1)
  const seaweedFs = await realSeaweedFs(t, {
    runtime: 'binary',
    engine: 'iam-manager',
    iamPort
  })
  if (seaweedFs === undefined) return
  const onIts = { ...seaweedFs, identityApi: 'filer' } as const
  const service = await startService(t, onIts, seaweedFs.iamEndpoint, 'per-profile')
  const readyz = async () => (await fetch(`${service.url}/readyz`)).json()
  const named = `Identities can be written over HTTP at ${seaweedFs.iamEndpoint}`
  const seen = await eventually('named', async () => {
    const { warnings = [] } = (await readyz()) as { warnings?: string[] }
    if (warnings.some((warning) => warning.startsWith(named)))
      throw Object.assign(new Error(), { name: 'named' })
  })
  t.equal(seen, 'named')
  const { stdout, code } = await runCommand(onIts, ['doctor'], '')
  t.equal(code, 1)
  t.match(stdout, named)
})

t.test('a filer that cannot be used says which setting is wrong', (t) =>
  onFiler(t, async (t, seaweedFs) => {
    const http = new URL(seaweedFs.sideDoors.filer).host
    const faults: [overrides: Record<string, string>, sentence: RegExp][] = [
      [{ FILER_JWT_SIGNING_KEY: 'another key' }, /FILER_JWT_SIGNING_KEY: the filer at .* refuses/],
      [
        { FILER_GRPC_ADDRESS: '127.0.0.1:1' },
        /FILER_GRPC_ADDRESS: nobody listens at 127\.0\.0\.1:1;/
      ],
      [{ FILER_GRPC_ADDRESS: http }, /FILER_GRPC_ADDRESS: /],
      [{ FILER_GRPC_ADDRESS: 'filer.invalid:18888' }, /FILER_GRPC_ADDRESS: the host filer\.invalid/]
    ]
    for (const [overrides, sentence] of faults) {
      const store = await storeOn(seaweedFs, overrides)
      t.match(await failureOf(store.checkReadiness(budget())), sentence)
      const failure = await failureOf(store.ensureIdentity(USER, DESIRED, undefined, budget()))
      t.match(failure, /^503 S3P_STORE_UNAVAILABLE: .* while creating user .* for profile team-a: /)
      t.match(failure, sentence)
      t.notMatch(failure, KEY.secretAccessKey)
    }
  })
)
