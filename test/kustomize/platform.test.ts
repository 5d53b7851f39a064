import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { s3Client } from '../fixtures/cluster-view.ts'
import { profilesOf, runMatrix } from '../isolation/laboratory.ts'
import { listeners } from './listeners.ts'
import { find, type Rendered, render, renderOwn, type Workload } from './rendered.ts'
import { GATEWAY, SERVER, startRendered, storeSecrets, WORKER } from './rendered-seaweedfs.ts'
import { runRendered } from './run-rendered.ts'

const OVERLAY = 'overlays/single-user'
const WITH_OLD_NAME = `
resources: [<kustomize>/${OVERLAY}]
components: [<kustomize>/components/minio-service]
`
const MIN_CASES = 400
const JUDGE = 'seaweedfs-judge'

t.test('the store, run by its own manifests', async (t) => {
  const objects = await renderOwn(t, WITH_OLD_NAME)
  const { pods, seaweedFs } = await startRendered(t, [...objects, judgesGateway(objects)])
  const server = pods.container(SERVER, 'server')
  const gateway = pods.container(GATEWAY, 'gateway')
  const object = { Bucket: 'mlpipeline', Key: 'a/b c.txt' }

  t.test('serves an S3 client that still calls minio-service:9000', async (t) => {
    const client = s3Client(`http://${pods.address('minio-service', 9000)}`, seaweedFs.admin)
    await client.send(new PutObjectCommand({ ...object, Body: 'as ever' }))
    const { Body } = await client.send(new GetObjectCommand(object))
    t.equal(await Body?.transformToString(), 'as ever')
  })

  t.test('listens where the manifests say, and nowhere else', async (t) => {
    for (const container of pods.containers) {
      // The admin server's are for its own pod.
      if (container.name === 'admin') continue
      const ports = await listeners(container.pid)
      t.same(ports.sort(), container.declaredPorts.toSorted(), container.name)
    }
    const { line } = pods.container(WORKER, 'admin')
    t.ok(
      line.includes('-ip=127.0.0.1'),
      'the admin server, which needs no password, on the loopback'
    )
  })

  t.test('has no IAM API where profiles come', async (t) => {
    const body = new URLSearchParams({ Action: 'ListUsers', Version: '2010-05-08' })
    const answer = await fetch(seaweedFs.s3Endpoint, { method: 'POST', body })
    t.equal(answer.status, 405)
  })

  t.test('hands out nothing on the filer’s port without a token', async (t) => {
    for (const path of ['/', '/etc/iam/identities/', '/buckets/mlpipeline/a/b%20c.txt']) {
      const answer = await fetch(`${seaweedFs.sideDoors.filer}${path}`)
      t.equal(answer.status, 401, path)
    }
  })

  t.test('keeps two profiles apart', { timeout: 600_000 }, async (t) => {
    const parties = await profilesOf(t, seaweedFs, 'per-profile')
    const judges = `http://${pods.podAddress(`${JUDGE}-0`, 8333)}`
    const judged = { ...seaweedFs, internalS3Endpoint: judges, iamEndpoint: judges }
    const results = await runMatrix(judged, parties, 'mlpipeline')
    t.ok(results.length >= MIN_CASES, `${results.length} cases`)
    for (const verdict of ['hole', 'broken', 'inconclusive'] as const) {
      const found = results.filter((result) => result.verdict === verdict)
      t.same(
        found.map(({ group, name, evidence }) => `${group} | ${name} | ${evidence}`),
        [],
        `no ${verdict}`
      )
    }
  })

  t.test('says when it is not ready, unlike its own health endpoint', async (t) => {
    const startedAt = performance.now()
    const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1)
    await server.stop()
    t.comment(`stopped after ${seconds()} s`)
    t.notOk(await gateway.passes('readinessProbe'), 'the gateway of a server that is away')
    const { status } = await fetch(`${seaweedFs.s3Endpoint}/status`)
    t.equal(status, 200, 'which claims on /status that all is well')
    t.ok(await gateway.passes('livenessProbe'), 'and is not restarted for it')
    server.start()
    t.notOk(await server.passes('readinessProbe'), 'a server that has just been started')
    await pods.until('startupProbe', [server])
    await pods.until('readinessProbe')
    t.comment(`ready again after ${seconds()} s`)
    const client = s3Client(seaweedFs.s3Endpoint, seaweedFs.admin)
    const { Body } = await client.send(new GetObjectCommand(object))
    t.equal(await Body?.transformToString(), 'as ever', 'ready means that objects come whole')
  })

  t.test('is served again, with its buckets, after all of it was lost', async (t) => {
    await server.stop()
    const data = server.line.find((word) => word.startsWith('-dir='))?.slice('-dir='.length) ?? ''
    for (const name of readdirSync(data)) rmSync(join(data, name), { recursive: true })
    server.start()
    await pods.until('startupProbe', [server])
    await pods.until('readinessProbe')
    const client = s3Client(seaweedFs.s3Endpoint, seaweedFs.admin)
    await client.send(new PutObjectCommand({ ...object, Body: 'anew' }))
    const { Body } = await client.send(new GetObjectCommand(object))
    t.equal(await Body?.transformToString(), 'anew')
  })
})

t.test('no pod of a store starts without its Secrets', async (t) => {
  const objects = await render(OVERLAY)
  const { secrets } = storeSecrets()
  const needs = {
    'mlpipeline-minio-artifact': [GATEWAY],
    'seaweedfs-jwt-keys': [SERVER, GATEWAY, WORKER]
  }
  for (const [secret, pods] of Object.entries(needs)) {
    const others = Object.fromEntries(Object.entries(secrets).filter(([other]) => other !== secret))
    for (const pod of pods) {
      const starting = runRendered(t, objects, others, ({ name }) => name === pod)
      await t.rejects(starting, { message: new RegExp(` in ${secret}$`) }, `${pod}, ${secret}`)
    }
  }
})

/** Where whoever judges the matrix reads identities by IAM: nothing of the store speaks it. */
function judgesGateway(objects: readonly Rendered[]): Rendered {
  const { spec, ...gateway } = structuredClone(find<Workload>(objects, 'Deployment', 'seaweedfs'))
  const { template } = spec
  template.metadata.labels['app'] = JUDGE
  template.spec.containers[0].args?.push('-iam=true', '-iam.readOnly=true')
  return { ...gateway, metadata: { ...gateway.metadata, name: JUDGE }, spec } as Rendered
}
