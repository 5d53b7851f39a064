import { readFileSync } from 'node:fs'
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateUserCommand,
  IAMClient
} from '@aws-sdk/client-iam'
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import type { AdminCredentials } from '../../dev/seaweedfs.ts'
import { newProcesses } from '../cluster/processes.ts'
import { until } from '../cluster/until.ts'
import { s3Client } from '../fixtures/cluster-view.ts'
import { skip } from '../fixtures/skip.ts'
import { type Azurite, startAzurite } from './azurite.ts'
import { renderOwn } from './rendered.ts'
import { storeSecrets } from './rendered-seaweedfs.ts'
import { type RunningContainer, runRendered } from './run-rendered.ts'
import { startWeedServer, type WeedServer } from './weed-server.ts'

const MIRROR = 'our-kubeflow-mirror'
const BUCKET = 'profile-team-a-01234567'
const OTHER = 'profile-team-b-89abcdef'
const MIB = 1024 * 1024
const MANIFESTS = `
components:
  - <kustomize>/components/seaweedfs
  - <kustomize>/components/remote-gateway
`

/** As README.md says it for a certificate of one's own. */
const TRUSTING = `
patches:
  - target:
      kind: Deployment
      name: seaweedfs-remote-gateway
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value:
          name: SSL_CERT_FILE
          value: /etc/seaweedfs-remote/ca.crt
`

/** Where a mirror ends. */
interface Remote {
  /** Whose certificate nobody but us has signed. */
  readonly caPem?: string
  readonly replicationToml: string
  readonly secret: string
  /** Whether it keeps a copy when its upload is repeated and the original is gone; README.md says of Azure that it does not. */
  readonly keepsOnRepeat: boolean
  /** Undefined when there is no such object. */
  read(path: string): Promise<string | undefined>
  /** While it is away nothing answers there. */
  away(during: () => Promise<void>): Promise<void>
}

t.test('mirrored to S3', async (t) => {
  const processes = newProcesses()
  t.teardown(() => processes.stop())
  const store = await startWeedServer(processes, 'cloud')
  await store.client.send(new CreateBucketCommand({ Bucket: MIRROR }))
  const writer = await writerOf(store)
  await mirrors(t, {
    secret: writer.secretAccessKey,
    keepsOnRepeat: true,
    replicationToml: `[sink.s3]
enabled = true
aws_access_key_id = "${writer.accessKeyId}"
aws_secret_access_key = "${writer.secretAccessKey}"
region = "us-east-1"
bucket = "${MIRROR}"
directory = "/"
endpoint = "${store.endpoint}"
`,
    read: (path) => textOf(store.client, MIRROR, path),
    async away(during) {
      await store.stop()
      await during()
      await store.start()
    }
  })
})

t.test('mirrored to Azure Blob Storage', async (t) => {
  const azurite = await startAzuriteOrSkip(t)
  if (azurite === undefined) return
  await azurite.createContainer(MIRROR)
  await mirrors(t, {
    caPem: azurite.caPem,
    secret: azurite.key,
    keepsOnRepeat: false,
    replicationToml: `[sink.azure]
enabled = true
account_name = "${azurite.account}"
account_key = "${azurite.key}"
endpoint = "${azurite.endpoint}"
container = "${MIRROR}"
directory = "/"
`,
    read: (path) => azurite.read(MIRROR, path),
    async away(during) {
      await azurite.stop()
      await during()
      await azurite.start()
    }
  })
})

/** What every remote must show. */
async function mirrors(t: Test, remote: Remote) {
  const { admin, secrets } = storeSecrets()
  const { replicationToml, caPem = '' } = remote
  const files = { 'replication.toml': replicationToml, 'ca.crt': caPem }
  const given = { ...secrets, 'seaweedfs-remote': files }
  const objects = await renderOwn(t, caPem === '' ? MANIFESTS : MANIFESTS + TRUSTING)
  const pods = await runRendered(t, objects, given)
  const store = pods.containers.filter(({ name }) => name !== 'mirror')
  await pods.until('startupProbe', store)
  await pods.until('readinessProbe', store)
  const mirror = pods.container('seaweedfs-remote-gateway-0', 'mirror')
  const client = s3Client(`http://${pods.address('seaweedfs', 9000)}`, admin)
  const put = (Bucket: string, Key: string, Body: string | Buffer) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body }))
  const arrives = (path: string, text: string) =>
    until(`${path} is there`, async () => (await remote.read(path)) === text).catch((error) => {
      throw new Error(lastWords(mirror), { cause: error })
    })
  for (const Bucket of [BUCKET, OTHER]) await client.send(new CreateBucketCommand({ Bucket }))

  await put(BUCKET, 'private-artifacts/team-a/model', 'a model')
  await arrives(`${BUCKET}/private-artifacts/team-a/model`, 'a model')
  await put(BUCKET, 'private-artifacts/team-a/model', 'a better model')
  await arrives(`${BUCKET}/private-artifacts/team-a/model`, 'a better model')
  const large = await putInParts(client, `private-artifacts/team-a/in parts +ü`)
  await arrives(`${BUCKET}/private-artifacts/team-a/in parts +ü`, large)
  t.pass('an object arrives, an overwritten one and one in parts as well')

  await mirror.stop('SIGKILL')
  await put(BUCKET, 'private-artifacts/team-a/while-down', 'one')
  mirror.start()
  await arrives(`${BUCKET}/private-artifacts/team-a/while-down`, 'one')
  t.pass('and one that was written while the mirror was down')

  await remote.away(async () => {
    await put(BUCKET, 'private-artifacts/team-a/while-away', 'two')
    await client.send(
      new DeleteObjectCommand({ Bucket: BUCKET, Key: 'private-artifacts/team-a/while-down' })
    )
    t.equal(await textOf(client, BUCKET, 'private-artifacts/team-a/while-down'), undefined)
  })
  await arrives(`${BUCKET}/private-artifacts/team-a/while-away`, 'two')
  t.pass('a remote that is away is waited for, and hinders nobody here')

  await emptyAndDelete(client)
  // Changes are followed in their order: what comes after the deletion shows that it was seen.
  await put(OTHER, 'private-artifacts/team-b/last', 'three')
  await arrives(`${OTHER}/private-artifacts/team-b/last`, 'three')
  for (const [key, text] of [
    ['model', 'a better model'],
    ['while-down', 'one'],
    ['while-away', 'two'],
    ['in parts +ü', large]
  ] as const) {
    t.equal(await remote.read(`${BUCKET}/private-artifacts/team-a/${key}`), text, `${key} stays`)
  }
  await mirror.stop('SIGKILL')
  mirror.start()
  await put(OTHER, 'private-artifacts/team-b/very-last', 'four')
  await arrives(`${OTHER}/private-artifacts/team-b/very-last`, 'four')
  if (remote.keepsOnRepeat) {
    t.equal(await remote.read(`${BUCKET}/private-artifacts/team-a/model`), 'a better model')
  }
  t.notMatch(mirror.log(), remote.secret, 'the log has no secret')
}

/** As the profile controller does it for a profile whose data goes with it. */
async function emptyAndDelete(client: S3Client) {
  for (const key of ['model', 'in parts +ü', 'while-away']) {
    await client.send(
      new DeleteObjectCommand({ Bucket: BUCKET, Key: `private-artifacts/team-a/${key}` })
    )
  }
  await until('the bucket is deleted', async () => {
    await client.send(new DeleteBucketCommand({ Bucket: BUCKET }))
    return true
  })
}

async function putInParts(client: S3Client, Key: string): Promise<string> {
  const object = { Bucket: BUCKET, Key }
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(object))
  const Parts = []
  const bodies = ['1', '2'].map((digit) => digit.repeat(6 * MIB))
  for (const [index, Body] of bodies.entries()) {
    const part = { ...object, UploadId, PartNumber: index + 1 }
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body }))
    Parts.push({ PartNumber: index + 1, ETag })
  }
  const MultipartUpload = { Parts }
  await client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload }))
  return bodies.join('')
}

async function textOf(client: S3Client, Bucket: string, Key: string): Promise<string | undefined> {
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
    return await Body?.transformToString()
  } catch (error) {
    if ((error as Error).name === 'NoSuchKey') return undefined
    throw error
  }
}

/** A user of the remote with what README.md asks for, and nothing else. */
async function writerOf({ endpoint, admin }: WeedServer): Promise<AdminCredentials> {
  const readme = readFileSync(
    new URL('../../kustomize/components/remote-gateway/README.md', import.meta.url),
    'utf8'
  )
  const [, PolicyDocument = ''] = /```json\n(.*?)```/s.exec(readme) ?? []
  const iam = new IAMClient({ endpoint, region: 'us-east-1', credentials: admin })
  const UserName = 'mirror'
  await iam.send(new CreateUserCommand({ UserName }))
  const { Policy } = await iam.send(
    new CreatePolicyCommand({ PolicyName: UserName, PolicyDocument })
  )
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: Policy?.Arn }))
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }))
  return {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? ''
  }
}

async function startAzuriteOrSkip(t: Test): Promise<Azurite | undefined> {
  const processes = newProcesses()
  t.teardown(() => processes.stop())
  try {
    return await startAzurite(processes)
  } catch (error) {
    return skip(t, `no Azurite: ${(error as Error).message}`)
  }
}

function lastWords(container: RunningContainer): string {
  return container.log().split('\n').slice(-20).join('\n')
}
