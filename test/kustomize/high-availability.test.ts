import { randomBytes } from 'node:crypto'
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import type { AdminCredentials } from '../../dev/seaweedfs.ts'
import { ownBucketPolicy } from '../../src/desired/access-policy.ts'
import { type AccessKey, accessKeyFor } from '../../src/desired/credentials.ts'
import type { Budget, ObjectStore } from '../../src/object-store/object-store.ts'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { newProcesses } from '../cluster/processes.ts'
import { until } from '../cluster/until.ts'
import { s3Client } from '../fixtures/cluster-view.ts'
import { skip } from '../fixtures/skip.ts'
import { startPostgres } from './postgres.ts'
import { type Rendered, renderOwn, type Workload } from './rendered.ts'
import { storeSecrets } from './rendered-seaweedfs.ts'
import { type RunningContainer, type RunningPods, runRendered } from './run-rendered.ts'

const ROOT_KEY = randomBytes(32)
const POLICY = ownBucketPolicy('profile-')
const BUCKET = 'profile-team-a-01234567'
const MANIFESTS = `
components:
  - <kustomize>/components/seaweedfs
  - <kustomize>/components/high-availability
`
/** Written and acknowledged with a part missing, before it comes back. */
const OBJECTS_MEANWHILE = 60
const USERS_MEANWHILE = 5
const READINESS_PERIOD_MS = 5000
const BUDGET_MS = 10_000
const PATIENCE_MS = 120_000

t.test(
  'a cluster loses a master, a volume server and a filer, and no acknowledged write',
  async (t) => {
    const database = await databaseOf(t)
    if (database === undefined) return
    const { admin, secrets } = storeSecrets()
    const objects = oneByOne(await renderOwn(t, MANIFESTS))
    const pods = await runRendered(t, objects, { ...secrets, 'seaweedfs-filer-database': database })
    await startInTurn(pods, 'filer')
    await pods.until('startupProbe')
    await pods.until('readinessProbe')
    await learnFilers(pods)
    t.teardown(keepAsking(pods))
    const client = s3Client(`http://${pods.address('seaweedfs', 9000)}`, admin)
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
    const store = await storeOf(pods, admin, secrets['seaweedfs-jwt-keys']['filer-signing-key'])
    await store.ensurePolicy(POLICY, budget())
    const load = startLoad(client, store)
    t.teardown(() => load.stop())
    await load.more(t, 'with everything there')

    for (const victim of [
      // First: a gateway that hears of a new leader may forget a filer for five minutes (README.md), and so may others.
      pods.container('seaweedfs-filer-0-0', 'filer'),
      pods.container('seaweedfs-volume-1-0', 'volume'),
      await leaderOf(pods)
    ]) {
      await victim.stop('SIGKILL')
      await load.more(t, `without ${victim.pod}`)
      victim.start()
      await pods.until('readinessProbe', [victim])
      await load.more(t, `with ${victim.pod} again`)
    }
    await load.stop()

    const lost = []
    for (const [key, text] of load.objects) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }))
      if ((await Body?.transformToString()) !== text) lost.push(key)
    }
    t.same(lost, [], `${load.objects.size} objects are as they were acknowledged`)
    for (const [user, accessKey] of load.keys) {
      const live = await store.readIdentity(user, budget())
      if (!live?.accessKeys.some(({ accessKeyId }) => accessKeyId === accessKey.accessKeyId))
        lost.push(user)
      // The gateway knows the key; another's bucket is closed to it.
      const answer = await store.probe(accessKey, { bucket: BUCKET, key: 'x' }, budget())
      if (answer !== 'denied') lost.push(`${user}: ${answer}`)
    }
    t.same(lost, [], `${load.keys.size} keys are, too`)
  }
)

async function databaseOf(t: Test): Promise<Record<string, string> | undefined> {
  const processes = newProcesses()
  t.teardown(() => processes.stop())
  try {
    return await startPostgres(processes)
  } catch (error) {
    return skip(t, `no PostgreSQL: ${(error as Error).message}`)
  }
}

/** The first time they stumble over each other's tables, and Kubernetes would start one of them again. */
async function startInTurn({ containers, until }: RunningPods, name: string) {
  const [first, ...others] = containers.filter((container) => container.name === name)
  for (const other of others) await other.stop('SIGKILL')
  if (first) await until('readinessProbe', [first])
  for (const other of others) other.start()
}

/** Gateways learn which filers there are when they start, and every five minutes; these had started first. */
async function learnFilers({ containers, until }: RunningPods) {
  const gateways = containers.filter(({ name }) => name === 'gateway')
  for (const gateway of gateways) {
    await gateway.stop('SIGKILL')
    gateway.start()
  }
  await until('startupProbe', gateways)
  await until('readinessProbe', gateways)
}

/** As the kubelet does, and not for its answer alone: it is then that a gateway finds that its filer is gone. */
function keepAsking({ containers }: RunningPods): () => void {
  const gateways = containers.filter(({ name }) => name === 'gateway')
  const ask = () => gateways.map((gateway) => gateway.passes('readinessProbe'))
  const timer = setInterval(ask, READINESS_PERIOD_MS)
  return () => clearInterval(timer)
}

/** Every pod of a StatefulSet as one of its own, under the name by which the others call it. */
function oneByOne(objects: Rendered[]): Rendered[] {
  return objects.flatMap((object) => {
    if (object.kind !== 'StatefulSet') return object
    const { metadata, spec } = object as Workload
    return Array.from({ length: spec.replicas }, (_, index) => {
      const name = `${metadata.name}-${index}`
      const labels = { ...spec.template.metadata.labels, pod: name }
      const template = { ...spec.template, metadata: { labels } }
      const set = { ...object, metadata: { ...metadata, name }, spec: { ...spec, template } }
      const { ports } = servicePortsOf(objects, metadata.name)
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: `${name}.${metadata.name}` },
        spec: { selector: { pod: name }, ports }
      }
      return [set, service] as unknown as Rendered[]
    }).flat()
  })
}

function servicePortsOf(objects: Rendered[], name: string) {
  const found = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === name)
  return (found as unknown as { spec: { ports: object[] } }).spec
}

async function leaderOf(pods: RunningPods): Promise<RunningContainer> {
  const masters = pods.containers.filter(({ name }) => name === 'master')
  const url = `http://${pods.podAddress(masters[0]?.pod ?? '', 9333)}/cluster/status`
  const { Leader } = (await (await fetch(url)).json()) as { Leader: string }
  const leader = masters.find(({ pod }) => Leader.startsWith(`${pods.podAddress(pod, 9333)}.`))
  if (leader === undefined) throw new Error(`No master is ${Leader}`)
  return leader
}

/** Writes all the time, and remembers what was acknowledged. What fails is tried again, under another name. */
function startLoad(client: S3Client, store: ObjectStore) {
  const objects = new Map<string, string>()
  const keys = new Map<string, AccessKey>()
  let isOver = false
  let refused = 0

  async function repeat(write: (number: number) => Promise<void>) {
    for (let number = 0; !isOver; number++) {
      await write(number).catch(() => {
        refused++
      })
    }
  }
  async function putObject(Key: string) {
    const Body = randomBytes(20_000).toString('hex')
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }))
    objects.set(Key, Body)
  }
  async function createKey(user: string) {
    const accessKey = accessKeyFor(ROOT_KEY, user, 0)
    await store.ensureIdentity(user, { policyName: POLICY.name, accessKey }, undefined, budget())
    keys.set(user, accessKey)
  }
  const writers = Promise.all([
    repeat((number) => putObject(`a/${number}`)),
    repeat((number) => putObject(`b/${number}`)),
    repeat((number) => createKey(`profile-${number}`))
  ])

  return {
    objects,
    keys,
    async more(t: Test, when: string) {
      const [objectsBefore, keysBefore, startedAt] = [objects.size, keys.size, performance.now()]
      const enough = async () =>
        objects.size >= objectsBefore + OBJECTS_MEANWHILE &&
        keys.size >= keysBefore + USERS_MEANWHILE
      await until(`writes are acknowledged ${when}`, enough, PATIENCE_MS)
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      t.pass(`written ${when}, in ${seconds} s; ${refused} refused so far`)
    },
    async stop() {
      isOver = true
      await writers
    }
  }
}

/** As the hook has it. Of the addresses behind a Service a channel takes one that answers, and so it does here. */
function storeOf(pods: RunningPods, credentials: AdminCredentials, signingKey: string) {
  const filers = pods.containers.filter(({ name }) => name === 'filer')
  const addresses = filers.map(({ pod }) => pods.podAddress(pod, 18888))
  const settings = {
    s3Endpoint: `http://${pods.address('seaweedfs', 9000)}`,
    region: 'us-east-1',
    credentials,
    filer: { address: `ipv4:${addresses}`, signingKey, tls: 'off' as const }
  }
  return buildSeaweedFs(settings, 'mlpipeline', () => {})
}

function budget(): Budget {
  return { namespace: 'team-a', signal: AbortSignal.timeout(BUDGET_MS) }
}
