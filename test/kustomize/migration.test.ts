import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
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
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import type { AdminCredentials, SeaweedFs } from '../../dev/seaweedfs.ts'
import { until } from '../cluster/until.ts'
import { s3Client } from '../fixtures/cluster-view.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { skip } from '../fixtures/skip.ts'
import { killRun, type Run, runLine } from './finished.ts'
import { jobLine } from './job-line.ts'
import { type ConfigMap, type Rendered, render } from './rendered.ts'

const MIB = 1024 * 1024
const BUCKET = 'mlpipeline'
const SMALL = 40

t.test('the migration Job', async (t) => {
  if (!(await hasRclone(t))) return
  const old = await realSeaweedFs(t)
  const store = await realSeaweedFs(t)
  if (old === undefined || store === undefined) return
  const source = s3Client(old.internalS3Endpoint, old.admin)
  const target = s3Client(store.internalS3Endpoint, store.admin)
  await source.send(new CreateBucketCommand({ Bucket: BUCKET }))
  await fill(source)
  const job = await jobOf(t, await readerOf(old), old, store)
  const before = await contents(source, BUCKET)

  await t.test('refuses a plan or a setting that it cannot follow', async (t) => {
    for (const [plan, settings, says] of [
      ['# nothing', {}, 'no line'],
      ['mlpipeline', {}, 'not a source and a target'],
      ['mlpipeline mlpipeline too', {}, 'not a source and a target'],
      ['mlpipeline mlpipeline', { DRY_RUN: 'no' }, 'DRY_RUN'],
      ['mlpipeline mlpipeline', { VERIFY: 'none' }, 'VERIFY'],
      ['nowhere mlpipeline', {}, 'the source refuses to list the bucket nowhere'],
      ['mlpipeline profile-team-a', {}, 'no bucket profile-team-a in the target']
    ] as const) {
      const { code, output } = await job(plan, { DRY_RUN: 'false', ...settings }).finished
      t.equal(code, 2, plan)
      t.match(output, says)
    }
    t.equal(await exists(target, BUCKET), false, 'and makes no bucket')
  })

  await target.send(new CreateBucketCommand({ Bucket: BUCKET }))

  await t.test('writes nothing until it is told to', async (t) => {
    const { code, output } = await job().finished
    t.equal(code, 0, output)
    t.match(output, `Total objects: ${SMALL + 3}`)
    t.match(output, /private-artifacts\/team-a\/large: Skipped copy/)
    t.match(output, 'nothing was written')
    t.same(await contents(target, BUCKET), [])
  })

  await t.test('goes on where it was killed', async (t) => {
    const first = job(undefined, { DRY_RUN: 'false', RCLONE_TRANSFERS: '1', RCLONE_BWLIMIT: '4M' })
    await until('the first objects are copied', async () => {
      const { length } = await contents(target, BUCKET)
      return length >= 5
    })
    await killRun(first)
    const half = await contents(target, BUCKET)
    t.ok(half.length < SMALL + 3, `${half.length} objects were copied by then`)
    const { code, output } = await job(undefined, { DRY_RUN: 'false' }).finished
    t.equal(code, 0, output)
    t.match(output, `${SMALL + 3} objects: ${SMALL + 3} the same in mlpipeline, 0 missing`)
    t.match(output, /NOTICE: +[\d.]+ .*\/ [\d.]+ MiB/, 'the progress')
    const whole = await contents(target, BUCKET)
    t.same(
      whole.filter(({ key }) => half.some((one) => one.key === key)),
      half,
      'what was copied is not copied again'
    )
    const head = await target.send(
      new HeadObjectCommand({ Bucket: BUCKET, Key: 'private-artifacts/team-a/model' })
    )
    t.equal(head.ContentType, 'application/x-model')
    t.match(head.Metadata, { owner: 'team-a' })
  })

  await t.test('finds what is missing, spoiled or newer, and leaves the newer one', async (t) => {
    const large = 'private-artifacts/team-a/large'
    await target.send(new PutObjectCommand({ Bucket: BUCKET, Key: large, Body: body(12 * MIB, 9) }))
    const spoiled = await job(undefined, { DRY_RUN: 'false' }).finished
    t.equal(spoiled.code, 2, spoiled.output)
    t.match(spoiled.output, `different: ${large}\n`)
    t.match(spoiled.output, '0 missing, 1 different')
    t.match(spoiled.output, 'not the same: mlpipeline')
    const kept = await target.send(new GetObjectCommand({ Bucket: BUCKET, Key: large }))
    t.ok(body(12 * MIB, 9).equals((await kept.Body?.transformToByteArray()) as Buffer))
    await target.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: large }))
    const lost = await job(undefined, { DRY_RUN: 'false', PATH: copyingNothing(t) }).finished
    t.equal(lost.code, 2, lost.output)
    t.match(lost.output, `missing: ${large}\n`)
    t.match(lost.output, '1 missing, 0 different')
    const repaired = await job(undefined, { DRY_RUN: 'false' }).finished
    t.equal(repaired.code, 0, repaired.output)
  })

  await t.test(
    'takes each namespace into its own bucket, by the list that the cluster gives',
    async (t) => {
      const plan = await planOf([
        launcher('team-a', 'profile-team-a-01234567'),
        launcher('team-b', 'profile-team-b-89abcdef'),
        launcher('not-moved', BUCKET)
      ])
      await target.send(new CreateBucketCommand({ Bucket: 'profile-team-a-01234567' }))
      await target.send(new CreateBucketCommand({ Bucket: 'profile-team-b-89abcdef' }))
      const { code, output } = await job(plan, { DRY_RUN: 'false', VERIFY: 'checksum' }).finished
      t.equal(code, 0, output)
      t.match(output, /1 hashes could not be checked/, 'and says what was compared by size only')
      const keys = async (bucket: string) => (await contents(target, bucket)).map(({ key }) => key)
      const sourceKeys = before.map(({ key }) => key)
      for (const [bucket, namespace] of [
        ['profile-team-a-01234567', 'team-a'],
        ['profile-team-b-89abcdef', 'team-b']
      ] as const) {
        t.same(
          await keys(bucket),
          sourceKeys.filter((key) => key.startsWith(`private-artifacts/${namespace}/`))
        )
      }
    }
  )

  t.same(await contents(source, BUCKET), before, 'the source is as it was')
})

async function hasRclone(t: Test): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)('rclone', ['version'])
    t.comment(stdout.split('\n')[0])
    return true
  } catch {
    skip(t, 'There is no rclone on the PATH')
    return false
  }
}

/** A PATH on which rclone says that it has copied, and has not. */
function copyingNothing(t: Test): string {
  const path = process.env['PATH']
  const folder = t.testdir({
    rclone: `#!/bin/sh\n[ "$1" = copy ] || PATH='${path}' exec rclone "$@"\n`
  })
  chmodSync(join(folder, 'rclone'), 0o755)
  return `${folder}:${path}`
}

/** The plan that README.md's command prints, asked of the real kubectl. */
async function planOf(items: object[]): Promise<string> {
  const readme = readFileSync(
    new URL('../../kustomize/migration/README.md', import.meta.url),
    'utf8'
  )
  const [, command = ''] = /```sh\n(kubectl get configmaps.*?)```/s.exec(readme) ?? []
  const api = await startConfigMapApi(items)
  const folder = mkdtempSync(join(tmpdir(), 'plan-'))
  try {
    mkdirSync(join(folder, 'kustomize/migration'), { recursive: true })
    const kubeconfig = join(folder, 'kubeconfig')
    writeFileSync(kubeconfig, stringify(kubeconfigOf(api.url)))
    await promisify(execFile)('sh', ['-c', command], {
      cwd: folder,
      env: { ...process.env, KUBECONFIG: kubeconfig, HOME: folder }
    })
    return readFileSync(join(folder, 'kustomize/migration/plan.txt'), 'utf8')
  } finally {
    await api.stop()
    rmSync(folder, { recursive: true })
  }
}

/** As much of an API server as kubectl asks for this list. */
async function startConfigMapApi(items: object[]) {
  const groupVersion = { groupVersion: 'v1', version: 'v1' }
  const configMaps = { name: 'configmaps', kind: 'ConfigMap', namespaced: true, verbs: ['list'] }
  const answers: Record<string, object> = {
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
    '/api/v1': { kind: 'APIResourceList', ...groupVersion, resources: [configMaps] },
    '/api/v1/configmaps': { kind: 'ConfigMapList', apiVersion: 'v1', metadata: {}, items }
  }
  const server = createServer(({ url = '' }, response) => {
    const answer = answers[url.split('?')[0] ?? '']
    response.statusCode = answer ? 200 : 404
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

function kubeconfigOf(server: string) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    clusters: [{ name: 'here', cluster: { server } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: '' } }]
  }
}

function launcher(namespace: string, bucket: string) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kfp-launcher', namespace },
    data: { defaultPipelineRoot: `minio://${bucket}/private-artifacts/${namespace}/v2/artifacts` }
  }
}

type StartJob = (plan?: string, settings?: Record<string, string>) => Run

async function jobOf(
  t: Test,
  reader: AdminCredentials,
  old: SeaweedFs,
  store: SeaweedFs
): Promise<StartJob> {
  const rendered = await render('migration')
  const folder = mkdtempSync(join(tmpdir(), 'migration-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const machine = {
    folder,
    secrets: {
      'object-migration-source': pairOf(reader),
      'mlpipeline-minio-artifact': pairOf(store.admin)
    },
    addresses: {
      'http://minio-old.kubeflow:9000': old.internalS3Endpoint,
      'http://seaweedfs.kubeflow:9000': store.internalS3Endpoint
    }
  }
  return (plan, settings = {}) => {
    const changed = rendered.map((object) => edited(object, plan, settings))
    return runLine(jobLine(changed, 'object-migration', machine))
  }
}

/** As an operator edits plan.txt and settings.env. */
function edited(
  object: Rendered,
  plan: string | undefined,
  settings: Record<string, string>
): Rendered {
  const changes =
    object.kind !== 'ConfigMap'
      ? undefined
      : object.metadata.name === 'object-migration-settings'
        ? settings
        : plan === undefined
          ? {}
          : { 'plan.txt': plan }
  const changed = { ...object, data: { ...(object as ConfigMap).data, ...changes } }
  return changes ? changed : object
}

function pairOf({ accessKeyId, secretAccessKey }: AdminCredentials) {
  return { accesskey: accessKeyId, secretkey: secretAccessKey }
}

/** A user of the old store that may read, and nothing else. */
async function readerOf({ iamEndpoint, admin }: SeaweedFs): Promise<AdminCredentials> {
  const iam = new IAMClient({ endpoint: iamEndpoint, region: 'us-east-1', credentials: admin })
  const UserName = 'migration'
  await iam.send(new CreateUserCommand({ UserName }))
  const document = {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:GetObject', 's3:ListBucket', 's3:GetBucketLocation'],
        Resource: [`arn:aws:s3:::${BUCKET}`, `arn:aws:s3:::${BUCKET}/*`]
      }
    ]
  }
  const { Policy } = await iam.send(
    new CreatePolicyCommand({ PolicyName: UserName, PolicyDocument: JSON.stringify(document) })
  )
  await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn: Policy?.Arn }))
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }))
  return {
    accessKeyId: AccessKey?.AccessKeyId ?? '',
    secretAccessKey: AccessKey?.SecretAccessKey ?? ''
  }
}

/** Small objects, one with metadata, and one in parts, whose ETag is no MD5 sum. */
async function fill(client: S3Client) {
  for (let number = 0; number < SMALL; number++) {
    const Key = `private-artifacts/team-${number % 2 ? 'a' : 'b'}/v2/artifacts/${number}`
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: body(MIB / 4, number) }))
  }
  await client.send(
    new PutObjectCommand({
      Bucket: BUCKET,
      Key: 'private-artifacts/team-a/model',
      Body: 'a model',
      ContentType: 'application/x-model',
      Metadata: { owner: 'team-a' }
    })
  )
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'pipelines/x y+é', Body: 'x' }))
  const large = { Bucket: BUCKET, Key: 'private-artifacts/team-a/large' }
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(large))
  const Parts = []
  for (const PartNumber of [1, 2]) {
    const Body = body(6 * MIB, PartNumber)
    const part = await client.send(new UploadPartCommand({ ...large, UploadId, PartNumber, Body }))
    Parts.push({ PartNumber, ETag: part.ETag })
  }
  const MultipartUpload = { Parts }
  await client.send(new CompleteMultipartUploadCommand({ ...large, UploadId, MultipartUpload }))
}

function body(size: number, seed: number): Buffer {
  return Buffer.alloc(size, `${seed} `)
}

async function contents(client: S3Client, bucket: string) {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }))
  return Contents.map(({ Key: key = '', ETag, Size, LastModified }) => ({
    key,
    etag: ETag,
    size: Size,
    at: LastModified?.getTime()
  }))
}

async function exists(client: S3Client, bucket: string): Promise<boolean> {
  return contents(client, bucket).then(
    () => true,
    () => false
  )
}
