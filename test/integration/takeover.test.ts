import { setTimeout as pause } from 'node:timers/promises'
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  GetUserCommand,
  PutUserPolicyCommand
} from '@aws-sdk/client-iam'
import { CreateBucketCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
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
        const { iam, admin, clock } = service
        const namespace = `legacy-${layout}`
        await admin.send(new CreateBucketCommand({ Bucket: BUCKET })).catch(() => {})
        const statements = { Version: '2012-10-17', Statement: syncPyStatements(BUCKET) }
        const Policy = JSON.stringify(statements)
        await admin.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy }))
        await iam.send(new CreateUserCommand({ UserName: namespace })).catch(() => {})
        const drawn = await iam.send(new CreateAccessKeyCommand({ UserName: namespace }))
        const { AccessKeyId = '', SecretAccessKey = '' } = drawn.AccessKey ?? {}
        const old = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey }
        const PolicyDocument = JSON.stringify(syncPyUserPolicy(BUCKET, namespace))
        const PolicyName = `KubeflowProject${namespace}`
        await iam.send(
          new PutUserPolicyCommand({ UserName: namespace, PolicyName, PolicyDocument })
        )
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
      })
    }
  })
)

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
