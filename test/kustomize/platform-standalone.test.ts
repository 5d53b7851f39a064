import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { refusalOf, rootOf } from '../fixtures/real-service.ts'
import { render } from './rendered.ts'
import { startRendered } from './rendered-seaweedfs.ts'

t.test('the standalone installation, run by its own manifests', async (t) => {
  const { pods } = await startRendered(t, await render('overlays/standalone'))
  const hook = `http://${pods.address('kubeflow-pipelines-profile-controller', 80)}`
  const [a, b] = [clusterView(hook, 'team-a', 'uid-a'), clusterView(hook, 'team-b', 'uid-b')]
  for (const view of [a, b]) t.equal((await view.sync()).status, 200)

  const repositories = a.attachments.find(
    ({ metadata }) => metadata.name === 'artifact-repositories'
  )
  const { s3 } = JSON.parse(repositories?.data?.['default-namespaced'] ?? '')
  const [host, port] = s3.endpoint.split(':')
  t.equal(host, 'seaweedfs.kubeflow.svc.cluster.local')
  const store = `http://${pods.address('seaweedfs', Number(port))}`

  const { bucket, prefix } = rootOf(a)
  const object = { Bucket: bucket, Key: `${prefix}hello.txt` }
  const asA = s3Client(store, a.accessKey)
  await asA.send(new PutObjectCommand({ ...object, Body: 'hello' }))
  const { Body } = await asA.send(new GetObjectCommand(object))
  t.equal(await Body?.transformToString(), 'hello', 'a profile has its bucket')
  const asB = s3Client(store, b.accessKey)
  t.equal(await refusalOf(asB.send(new GetObjectCommand(object))), 'AccessDenied', 'for itself')
})
