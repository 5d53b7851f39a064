import { setTimeout as pause } from 'node:timers/promises'
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreateUserCommand,
  GetUserCommand,
  PutUserPolicyCommand
} from '@aws-sdk/client-iam'
import {
  CreateBucketCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand
} from '@aws-sdk/client-s3'
import t from 'tap'
import type { Attachment } from '../../src/desired/attachments.ts'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import {
  eventually,
  get,
  LAYOUTS,
  MINUTES,
  onBothIamApis,
  put,
  refusalOf,
  rootOf,
  type Service,
  startService
} from '../fixtures/real-service.ts'
import { syncPyStatements, syncPyUserPolicy } from '../fixtures/sync-py.ts'

const BUCKET = 'mlpipeline'
const WEEK = 7 * 24 * 60 * MINUTES

t.test('a namespace that sync.py has served is taken over', (t) =>
  onBothIamApis(t, async (t, seaweedFs, endpoint) => {
    for (const layout of LAYOUTS) {
      await t.test(`${layout} layout`, async (t) => {
        const service = await startService(t, seaweedFs, endpoint, layout)
        const { iam, clock } = service
        const namespace = `legacy-${layout}`
        const old = await servedBySyncPy(service, namespace)
        const oldClient = s3Client(seaweedFs.s3Endpoint, old)
        const key = `private-artifacts/${namespace}/v2/artifacts/model`
        await worksSoon(() => put(oldClient, BUCKET, key))

        const view = clusterView(service.url, namespace, `uid-of-${namespace}`)
        view.attachments = [secretOf(namespace, old)]
        t.equal((await view.sync()).status, 200)
        t.not(view.accessKey.accessKeyId, old.accessKeyId, 'the Secret has a key of ours')
        await t.resolves(get(oldClient, BUCKET, key), 'a running pod keeps its key')
        t.equal((await view.sync()).status, 200)
        await t.resolves(get(oldClient, BUCKET, key), 'for the grace')

        clock.now += WEEK
        for (const _ of ['disables', 'removes', 'is settled']) {
          t.equal((await view.sync()).status, 200)
        }
        t.equal(
          await eventually('InvalidAccessKeyId', () => get(oldClient, BUCKET, key)),
          'InvalidAccessKeyId'
        )
        t.equal(
          await refusalOf(iam.send(new GetUserCommand({ UserName: namespace }))),
          'NoSuchEntityException'
        )
        service.iamProxy.reset()
        t.equal((await view.sync()).status, 200)
        t.equal(service.iamProxy.calls(), 0, 'and then nobody asks any more')

        await t.test('and back to sync.py', async (t) => {
          const ours = s3Client(seaweedFs.s3Endpoint, view.accessKey)
          const { bucket, prefix } = rootOf(view)
          await put(ours, bucket, `${prefix}since`)
          const drawn = await servedBySyncPy(service, namespace)
          const list = () => ours.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }))
          // What pods do with the Secret that it leaves alone and the bucket that it names.
          if (layout === 'per-profile') {
            t.equal(await refusalOf(put(ours, BUCKET, key)), 'AccessDenied')
          } else {
            await t.resolves(put(ours, BUCKET, key))
            t.equal(await eventually('AccessDenied', list), 'AccessDenied')
          }
          const theirs = s3Client(seaweedFs.s3Endpoint, drawn)
          await worksSoon(() => get(theirs, BUCKET, key))
          const since = () => get(theirs, bucket, `${prefix}since`)
          t.equal(await refusalOf(since()), layout === 'shared' ? undefined : 'AccessDenied')
        })
      })
    }
  })
)

t.test('an administrator whom sync.py took for a profile is left alone', (t) =>
  onBothIamApis(t, async (t, seaweedFs, endpoint) => {
    const service = await startService(t, seaweedFs, endpoint, 'per-profile')
    const { iam, clock } = service
    const UserName = 'kubeflow-admin'
    const everything = [{ Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] }]
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: everything })
    await iam.send(new CreatePolicyCommand({ PolicyName: 'administrators', PolicyDocument }))
    await iam.send(new CreateUserCommand({ UserName }))
    const PolicyArn = 'arn:aws:iam:::policy/administrators'
    await iam.send(new AttachUserPolicyCommand({ UserName, PolicyArn }))
    const admins = await servedBySyncPy(service, UserName)
    const administrator = s3Client(seaweedFs.s3Endpoint, admins)
    await worksSoon(() => put(administrator, BUCKET, 'anywhere'))

    const view = clusterView(service.url, UserName, 'uid-of-kubeflow-admin')
    view.attachments = [secretOf(UserName, admins)]
    for (const _ of ['issues', 'is seen']) t.equal((await view.sync()).status, 200)
    t.match(view.accessKey.accessKeyId, /^KFP/, 'the profile has a key of its own')
    clock.now += 2 * WEEK
    for (const _ of ['would disable', 'would remove']) t.equal((await view.sync()).status, 200)
    t.equal((await view.finalize()).status, 200)
    await t.resolves(put(administrator, BUCKET, 'anywhere'))
  })
)

/** Does to the store what sync.py does at the first sync of a namespace. */
async function servedBySyncPy({ iam, admin }: Service, namespace: string) {
  const UserName = namespace
  await admin.send(new CreateBucketCommand({ Bucket: BUCKET })).catch(() => {})
  const statements = { Version: '2012-10-17', Statement: syncPyStatements(BUCKET) }
  const Policy = JSON.stringify(statements)
  await admin.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy }))
  await iam.send(new CreateUserCommand({ UserName })).catch(() => {})
  const drawn = await iam.send(new CreateAccessKeyCommand({ UserName }))
  const { AccessKeyId = '', SecretAccessKey = '' } = drawn.AccessKey ?? {}
  const PolicyDocument = JSON.stringify(syncPyUserPolicy(BUCKET, namespace))
  const PolicyName = `KubeflowProject${namespace}`
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }))
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey }
}

function secretOf(
  namespace: string,
  { accessKeyId, secretAccessKey }: { accessKeyId: string; secretAccessKey: string }
): Attachment {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'mlpipeline-minio-artifact', namespace },
    data: { accesskey: base64(accessKeyId), secretkey: base64(secretAccessKey) }
  }
}

/** A gateway hears of a new user some milliseconds later. */
async function worksSoon(call: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if ((await refusalOf(call())) === undefined) return
    await pause(50)
  }
  await call()
}
