import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { s3Client } from '../fixtures/cluster-view.ts'
import { profilesOf, runMatrix } from '../isolation/laboratory.ts'
import { listeners } from './listeners.ts'
import { render, renderOwn } from './rendered.ts'
import { GATEWAY, SERVER, startRendered, storeSecrets, WORKER } from './rendered-seaweedfs.ts'
import { runRendered } from './run-rendered.ts'

const OVERLAY = 'overlays/single-user'
const WITH_OLD_NAME = `
resources: [<kustomize>/${OVERLAY}]
components: [<kustomize>/components/minio-service]
`
const MIN_CASES = 400

t.test('the store, run by its own manifests', async (t) => {
  const { pods, seaweedFs } = await startRendered(t, await renderOwn(t, WITH_OLD_NAME))
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
    const results = await runMatrix(seaweedFs, parties, 'mlpipeline')
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
    await server.stop()
    t.notOk(await gateway.passes('readinessProbe'), 'the gateway of a server that is away')
    const { status } = await fetch(`${seaweedFs.s3Endpoint}/status`)
    t.equal(status, 200, 'which claims on /status that all is well')
    t.ok(await gateway.passes('livenessProbe'), 'and is not restarted for it')
    server.start()
    t.notOk(await server.passes('readinessProbe'), 'a server that has just been started')
    await pods.until('startupProbe')
    await pods.until('readinessProbe')
    const client = s3Client(seaweedFs.s3Endpoint, seaweedFs.admin)
    const { Body } = await client.send(new GetObjectCommand(object))
    t.equal(await Body?.transformToString(), 'as ever', 'ready means that objects come whole')
  })
})

t.test('a store without its Secrets does not start', async (t) => {
  const objects = await render(OVERLAY)
  const { secrets } = storeSecrets()
  for (const name of ['mlpipeline-minio-artifact', 'seaweedfs-jwt-keys']) {
    const others = Object.fromEntries(Object.entries(secrets).filter(([other]) => other !== name))
    await t.rejects(runRendered(t, objects, others), { message: new RegExp(` in ${name}$`) })
  }
})
