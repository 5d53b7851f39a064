import { setTimeout as pause } from 'node:timers/promises'
import { ListUsersCommand } from '@aws-sdk/client-iam'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { CREDENTIALS_SECRET } from '../../src/profile.ts'
import { HOOK_TOKEN } from '../fixtures/builders.ts'
import { s3Client } from '../fixtures/cluster-view.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { inParallel, type Service, startService } from '../fixtures/real-service.ts'
import { CONTROLLER_NAMES } from '../fixtures/simulation/controller-names.ts'
import { ENABLED, namespaceOf } from '../fixtures/simulation/laboratory.ts'
import { buildRealTime } from '../fixtures/simulation/real-time.ts'
import { buildSimulatedCluster } from '../fixtures/simulation/simulated-cluster.ts'
import {
  type CallHook,
  startMetacontroller
} from '../fixtures/simulation/simulated-metacontroller.ts'

/*
 * Profiles that all arrive at once, and a Metacontroller that waits for no call for longer than it does by default.
 * PROFILES=500 runs so many.
 */
const { PROFILES = '60' } = process.env
const WEBHOOK_TIMEOUT_MS = 10_000
const READY = 'pipelines.kubeflow.org/object-storage'

/** With its default of workers nobody need be turned away; more of them want more than the budget allows. */
const CASES = [
  { workers: 5, SYNC_BUDGET: '8s' },
  { workers: 20, SYNC_BUDGET: '2s' }
]

for (const { workers, SYNC_BUDGET } of CASES) {
  const burst = `${PROFILES} profiles, ${workers} workers, SYNC_BUDGET ${SYNC_BUDGET}`
  t.test(`a burst of ${burst}`, async (t) => {
    const seaweedFs = await realSeaweedFs(t)
    if (seaweedFs === undefined) return
    const { iamEndpoint, s3Endpoint } = seaweedFs
    const service = await startService(t, seaweedFs, iamEndpoint, 'per-profile', { SYNC_BUDGET })
    const names = Array.from({ length: Number(PROFILES) }, (_, index) => `team-${index}`)
    const { cluster, calls, seconds } = await arrive(t, service, names, workers)

    const answers = Object.groupBy(calls, ({ outcome }) => outcome)
    const counts = Object.entries(answers).map(([outcome, of]) => `${of?.length} × ${outcome}`)
    const slowest = Math.max(...calls.map(({ milliseconds }) => milliseconds))
    t.comment(`${seconds} s for ${burst}: ${counts.join(', ')}; the slowest took ${slowest} ms`)
    t.equal(answers['timeout'], undefined, 'no call timed out')
    for (const { outcome, retryAfter } of calls) {
      if (outcome === '429') t.match(retryAfter, /^[1-9][0-9]?$/)
    }

    const secrets = names.map((name) => cluster.get('Secret', CREDENTIALS_SECRET, name))
    const refused: string[] = []
    await inParallel(secrets, async (secret) => {
      const text = (key: string) => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()
      const accessKey = { accessKeyId: text('accesskey'), secretAccessKey: text('secretkey') }
      const Bucket = service.writes.find((step) => isBucketOf(step, secret?.metadata.namespace))
      const list = new ListObjectsV2Command({ Bucket: Bucket?.split(' ').at(-1) })
      const answer = s3Client(s3Endpoint, accessKey).send(list)
      await answer.catch((error) => refused.push(`${secret?.metadata.namespace}: ${error.name}`))
    })
    t.same(refused, [], 'every key works')
    const { Users = [] } = await service.iam.send(new ListUsersCommand({}))
    const ours = Users.filter(({ UserName }) => UserName?.startsWith('profile-'))
    t.equal(ours.length, names.length, 'and no user was lost or made twice')
  })
}

/** Until every profile is ready. */
async function arrive(t: Test, service: Service, names: readonly string[], workers: number) {
  const time = buildRealTime()
  const cluster = buildSimulatedCluster(time, () => 50)
  const { calls, callHook } = webhookOf(service)
  const metacontroller = startMetacontroller({
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
  t.teardown(() => {
    metacontroller.stop()
    time.stop()
  })
  for (const name of names) {
    const { metadata, ...namespace } = namespaceOf(name)
    cluster.create({ ...namespace, metadata: { ...metadata, labels: { [ENABLED]: 'true' } } })
  }
  const isReady = (name: string) =>
    cluster.get('Namespace', name)?.metadata.annotations?.[READY] === 'ready'
  while (!names.every(isReady)) await pause(50)
  const seconds = Math.round(time.now / 1000)
  metacontroller.stop()
  return { cluster, calls, seconds }
}

/** The hook over HTTP as Metacontroller calls it, and how each call ended. */
function webhookOf({ url }: Service) {
  const calls: { outcome: string; milliseconds: number; retryAfter: string }[] = []
  const callHook: CallHook = async (hook, body) => {
    const startedAt = performance.now()
    const ended = (outcome: string, retryAfter = '') => {
      const milliseconds = Math.round(performance.now() - startedAt)
      calls.push({ outcome, milliseconds, retryAfter })
    }
    const response = await fetch(`${url}/${hook}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${HOOK_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(WEBHOOK_TIMEOUT_MS)
    }).catch((error) => {
      ended(error.name === 'TimeoutError' ? 'timeout' : error.message)
      throw error
    })
    const retryAfter = response.headers.get('retry-after') ?? ''
    ended(String(response.status), retryAfter)
    if (response.ok) return (await response.json()) as Awaited<ReturnType<CallHook>>
    const failure = new Error(await response.text())
    if (response.status !== 429) throw failure
    throw Object.assign(failure, { retryAfterSeconds: Number(retryAfter) })
  }
  return { calls, callHook }
}

function isBucketOf(step: string, namespace: string | undefined): boolean {
  return new RegExp(`^creating bucket profile-${namespace}-[0-9a-z]+$`).test(step)
}
