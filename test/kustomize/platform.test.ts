import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { s3Client } from '../fixtures/cluster-view.ts'
import { profilesOf, runMatrix } from '../isolation/laboratory.ts'
import { listeningPorts } from './listening-ports.ts'
import { render } from './rendered.ts'
import { GATEWAY, SERVER, startRendered, WORKER } from './rendered-seaweedfs.ts'
import { startScript } from './run-rendered.ts'

const OVERLAY = 'kustomize/overlays/single-user'

t.test('the store, run by its own manifests', { timeout: 600_000 }, async (t) => {
  const { pods, seaweedFs } = await startRendered(t, await render(OVERLAY))
  const [server, gateway] = [pods.container(SERVER, 'server'), pods.container(GATEWAY, 'gateway')]

  t.test('serves an S3 client that still calls minio-service:9000', async (t) => {
    const client = s3Client(`http://${pods.address('minio-service', 9000)}`, seaweedFs.admin)
    const object = { Bucket: 'from-minio-times', Key: 'a/b c.txt' }
    await client.send(new CreateBucketCommand({ Bucket: object.Bucket }))
    await client.send(new PutObjectCommand({ ...object, Body: 'as ever' }))
    const { Body } = await client.send(new GetObjectCommand(object))
    t.equal(await Body?.transformToString(), 'as ever')
  })

  t.test('listens where the manifests say, and nowhere else', async (t) => {
    for (const container of pods.containers) {
      const declared = [...container.ports].sort()
      const ports = await listeningPorts(container.pid())
      t.same(ports.sort(), declared, `${container.name} of ${container.pod}`)
    }
    t.notOk(pods.container(WORKER, 'worker').line.some((word) => word.includes('Password')))
  })
})
