import { Agent, request } from 'node:https'
import { connect } from 'node:tls'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import t from 'tap'
import type { Attachment } from '../../src/desired/attachments.ts'
import { HOOK_TOKEN } from '../fixtures/builders.ts'
import { refusalOf } from '../fixtures/real-service.ts'
import { issue } from './certificates.ts'
import { find, type Rendered, renderOwn } from './rendered.ts'
import { startRendered } from './rendered-seaweedfs.ts'
import type { RunningPods } from './run-rendered.ts'

const OVER_TLS = `
resources: [<kustomize>/overlays/standalone]
components: [<kustomize>/components/minio-service, <kustomize>/components/tls]
`

interface DecoratorController extends Rendered {
  readonly spec: {
    readonly hooks: Record<'sync' | 'finalize', { webhook: { url: string; caBundle: object } }>
  }
}

t.test('the standalone installation over TLS, run by its own manifests', async (t) => {
  const objects = await renderOwn(t, OVER_TLS)
  const certificates = await issue(objects)
  const { pods } = await startRendered(t, objects, certificates)
  let attachments: Attachment[] = []

  t.test('every probe is content', async (t) => {
    for (const container of pods.containers) {
      t.ok(await container.passes('livenessProbe'), container.name)
    }
  })

  t.test('gRPC is for those who have a certificate of the authority', async (t) => {
    const ports = [
      ['seaweedfs-server-0', 18888],
      ['seaweedfs-server-0', 18080]
    ] as const
    for (const [pod, port] of [...ports, ['seaweedfs-0', 18333] as const]) {
      t.match(await strangerAt(pods.podAddress(pod, port)), /certificate required/, `${port}`)
    }
  })

  t.test('the hook proves to Metacontroller who it is', async (t) => {
    const name = 'kubeflow-pipelines-profile-controller'
    const { spec } = find<DecoratorController>(objects, 'DecoratorController', name)
    for (const { webhook } of Object.values(spec.hooks)) {
      const secretRef = { name: 's3-profile-controller-tls', namespace: 'kubeflow', key: 'ca.crt' }
      t.same(webhook.caBundle, { secretRef })
    }
    const ca = certificates['s3-profile-controller-tls']?.['ca.crt']
    attachments = await sync(pods, spec.hooks.sync.webhook.url, ca)
    t.ok(attachments.length > 0)
  })

  t.test('a profile has all it needs to trust the store', async (t) => {
    const { s3 } = JSON.parse(dataOf(attachments, 'artifact-repositories', 'default-namespaced'))
    t.equal(s3.insecure, false)
    const secret = (key: string) =>
      Buffer.from(dataOf(attachments, s3.caSecret.name, key), 'base64').toString()
    const accessKey = { accessKeyId: secret('accesskey'), secretAccessKey: secret('secretkey') }
    const object = { Bucket: s3.bucket, Key: 'private-artifacts/team-a/hello.txt' }
    for (const address of [s3.endpoint, 'minio-service.kubeflow:9000']) {
      const client = clientOf(pods, address, accessKey, secret(s3.caSecret.key))
      await client.send(new PutObjectCommand({ ...object, Body: 'hello' }))
      const { Body } = await client.send(new GetObjectCommand(object))
      t.equal(await Body?.transformToString(), 'hello', address)
    }
    const stranger = clientOf(pods, s3.endpoint, accessKey, undefined)
    t.ok(await refusalOf(stranger.send(new GetObjectCommand(object))), 'no other authority will do')
  })
})

function dataOf(attachments: readonly Attachment[], name: string, key: string): string {
  return attachments.find(({ metadata }) => metadata.name === name)?.data?.[key] ?? ''
}

/** What comes of TLS without a certificate of one's own. */
function strangerAt(address: string): Promise<string> {
  const [host = '', port] = address.split(':')
  const socket = connect({
    host,
    port: Number(port),
    rejectUnauthorized: false,
    ALPNProtocols: ['h2']
  })
  return new Promise((resolve) => {
    socket.once('error', ({ message }) => resolve(message))
    socket.once('data', () => resolve('an answer'))
    socket.once('close', () => resolve('nothing'))
  })
}

/** The names are those of the cluster, so that the certificate must have them; the way is that of this machine. */
function agentFor(ca: string | undefined): Agent {
  return new Agent({
    ...(ca && { ca }),
    lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }])
  })
}

/** The URL of a Service, with the port that it has on this machine. */
function here(pods: RunningPods, url: string): string {
  const { hostname, port, protocol } = new URL(url)
  const [service = ''] = hostname.split('.')
  const standard = protocol === 'https:' ? 443 : 80
  const address = pods.address(service, Number(port || standard))
  return url.replace(/(\/\/[^:/]+)(:\d+)?/, `$1:${address.split(':')[1]}`)
}

function clientOf(
  pods: RunningPods,
  address: string,
  accessKey: { accessKeyId: string; secretAccessKey: string },
  ca: string | undefined
): S3Client {
  return new S3Client({
    endpoint: here(pods, `https://${address}`),
    region: 'us-east-1',
    credentials: accessKey,
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: { httpsAgent: agentFor(ca) }
  })
}

/** As Metacontroller calls it. */
function sync(pods: RunningPods, url: string, ca: string | undefined): Promise<Attachment[]> {
  const labels = { 'pipelines.kubeflow.org/enabled': 'true' }
  const metadata = { name: 'team-a', uid: 'uid-of-team-a', labels }
  const body = JSON.stringify({
    object: { apiVersion: 'v1', kind: 'Namespace', metadata },
    attachments: {},
    finalizing: false
  })
  const headers = { authorization: `Bearer ${HOOK_TOKEN}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const call = request(here(pods, url), { method: 'POST', headers, agent: agentFor(ca) })
    call.once('error', reject)
    call.once('response', async (response) => {
      const text = (await response.toArray()).join('')
      resolve(JSON.parse(text).attachments ?? reject(new Error(text)))
    })
    call.end(body)
  })
}
