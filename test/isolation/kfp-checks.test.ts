import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetBucketPolicyCommand,
  HeadBucketCommand,
  ListObjectsV2Command
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { type SeaweedFs, VERSIONS } from '../../dev/seaweedfs.ts'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { get, put, refusalOf, rootOf, startService } from '../fixtures/real-service.ts'

/** What the isolation test of Kubeflow Pipelines demands of two profiles, by its own names. */
async function testAsKfpDoes(t: Test, seaweedFs: SeaweedFs, TOP_LEVEL_BROWSE: 'true' | 'false') {
  const environment = { TOP_LEVEL_BROWSE }
  const service = await startService(t, seaweedFs, seaweedFs.iamEndpoint, 'shared', environment)
  const views = ['test-profile-1', 'test-profile-2'].map((name) =>
    clusterView(service.url, name, `uid-of-${name}`)
  )
  for (const view of views) t.equal((await view.sync()).status, 200, 'the Secret is there')
  const [ns1, ns2] = views.map((view) => {
    const { bucket: Bucket, prefix } = rootOf(view)
    return { client: s3Client(seaweedFs.s3Endpoint, view.accessKey), Bucket, prefix }
  })
  if (ns1 === undefined || ns2 === undefined) throw new Error('there are two')
  const { client, Bucket } = ns1
  t.equal(Bucket, 'mlpipeline')
  t.equal(ns1.prefix, 'private-artifacts/test-profile-1/')
  const ownKey = `${ns1.prefix}test.txt`
  const foreignKey = `${ns2.prefix}test.txt`

  const list = (query: { Prefix?: string; Delimiter?: string }) =>
    client.send(new ListObjectsV2Command({ Bucket, ...query }))
  const copy = () => {
    const CopySource = `${Bucket}/${foreignKey}`
    return client.send(new CopyObjectCommand({ Bucket, Key: `${ns1.prefix}stolen`, CopySource }))
  }
  const remove = (Key: string) => client.send(new DeleteObjectCommand({ Bucket, Key }))

  t.equal(await refusalOf(put(client, Bucket, ownKey)), undefined, 'own upload')
  t.equal(await refusalOf(put(ns2.client, Bucket, foreignKey)), undefined, 'own upload')
  const head = client.send(new HeadBucketCommand({ Bucket }))
  t.equal(await refusalOf(head), undefined, 'HeadBucket')
  t.equal(await refusalOf(get(client, Bucket, ownKey)), undefined, 'own download')
  t.equal(await refusalOf(list({ Prefix: ns1.prefix })), undefined, 'own prefix list')
  const browse = await refusalOf(list({ Prefix: '', Delimiter: '/' }))
  const expected = TOP_LEVEL_BROWSE === 'true' ? undefined : 'AccessDenied'
  t.equal(browse, expected, 'top-level delimited browse')
  t.equal(await refusalOf(get(client, Bucket, foreignKey)), 'AccessDenied', 'foreign download')
  t.equal(await refusalOf(copy()), 'AccessDenied', 'copy of a foreign object')
  t.equal(await refusalOf(remove(foreignKey)), 'AccessDenied', 'foreign delete')
  t.equal(await refusalOf(list({ Prefix: ns2.prefix })), 'AccessDenied', 'foreign prefix list')
  t.equal(await refusalOf(list({ Prefix: '' })), 'AccessDenied', 'flat list, empty prefix')
  t.equal(await refusalOf(list({})), 'AccessDenied', 'flat list without a prefix')
  t.equal(await refusalOf(remove(ownKey)), undefined, 'own delete')
  const { Policy = '' } = await service.admin.send(new GetBucketPolicyCommand({ Bucket }))
  t.equal(Policy.includes('ProfileTopLevelBrowse'), TOP_LEVEL_BROWSE === 'true')
}

for (const version of VERSIONS) {
  t.test(`the isolation that KFP tests for, on SeaweedFS ${version}`, async (t) => {
    const seaweedFs = await realSeaweedFs(t, { version })
    if (seaweedFs === undefined) return
    await t.test('holds with TOP_LEVEL_BROWSE=true', (t) => testAsKfpDoes(t, seaweedFs, 'true'))
    await t.test('and but for the browsing once it is switched off again', (t) =>
      testAsKfpDoes(t, seaweedFs, 'false')
    )
  })
}
