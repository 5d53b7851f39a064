import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectRetentionCommand,
  UploadPartCommand
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { VERSIONS } from '../../dev/seaweedfs.ts'
import { ownBucketStatements } from '../../src/desired/access-policy.ts'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { budget } from '../fixtures/builders.ts'
import { s3Client } from '../fixtures/cluster-view.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { inParallel, put, refusalOf } from '../fixtures/real-service.ts'

/** As a profile may name its objects, on purpose too. */
const ODD_KEYS = [
  ...['with space', 'with+plus', 'per%cent', '%2Fencoded', 'ünï/cödé', '日本/語', 'emoji😀', '~*?'],
  ...['/leading', 'a//b', 'trailing/', 'a/folder/', 'file', 'file/below', 'back\\slash', '#?q=1&b'],
  ...['amp&<>"\'', 'tab\there', 'nl\nhere', 'cr\rhere', 'nel\u0085', 'ls\u2028', 'del\u007f'],
  ...['ctl\u0001', 'ctl/\u001f/x', 'nonchar\uffff', 'replacement\ufffd', 'x.versions', '.uploads/x']
]

for (const version of VERSIONS) {
  t.test(`a bucket is emptied and deleted on SeaweedFS ${version}`, async (t) => {
    const seaweedFs = await realSeaweedFs(t, { version })
    if (seaweedFs === undefined) return
    const { s3Endpoint, iamEndpoint } = seaweedFs
    const settings = { s3Endpoint, iamEndpoint, region: 'us-east-1', credentials: seaweedFs.admin }
    const store = buildSeaweedFs(settings, 'mlpipeline', () => {})
    const admin = s3Client(s3Endpoint, seaweedFs.admin)

    /** A bucket such as a profile has, with our policy. */
    async function newBucket(Bucket: string, options: object = {}) {
      await admin.send(new CreateBucketCommand({ Bucket, ...options }))
      const Policy = { Version: '2012-10-17', Statement: ownBucketStatements(Bucket) }
      await admin.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(Policy) }))
      return Bucket
    }

    async function goes(t: Test, bucket: string) {
      t.match(await store.emptyBucket(bucket, 20_000, budget(25_000)), { isEmpty: true })
      await store.deleteBucket(bucket, budget())
      const head = new HeadBucketCommand({ Bucket: bucket })
      t.equal(await refusalOf(admin.send(head)), 'NotFound')
    }

    await t.test('whatever its keys are', async (t) => {
      const bucket = await newBucket('odd-keys')
      for (const key of ODD_KEYS) await put(admin, bucket, key)
      await goes(t, bucket)
    })

    await t.test('with unfinished uploads, whatever their keys are', async (t) => {
      const Bucket = await newBucket('with-uploads')
      for (const Key of ODD_KEYS) {
        const { UploadId } = await admin.send(new CreateMultipartUploadCommand({ Bucket, Key }))
        const part = { Bucket, Key, UploadId, PartNumber: 1, Body: 'part' }
        await admin.send(new UploadPartCommand(part))
      }
      // SeaweedFS lists this one as an upload without a key.
      await put(admin, Bucket, '.uploads/planted')
      t.match(await store.emptyBucket(Bucket, 20_000, budget(25_000)), { isEmpty: true })
      const { Uploads = [] } = await admin.send(new ListMultipartUploadsCommand({ Bucket }))
      const keys = Uploads.map(({ Key = '' }) => Key).filter((key) => !key.includes('\ufffd'))
      t.same(keys, [''], 'all that S3 can name are aborted')
      await goes(t, Bucket)
    })

    await t.test('with versions and delete markers', async (t) => {
      const Bucket = await newBucket('with-versions')
      const keys = ['top', 'a/b/c', 'a/b/d', 'with space/+%', 'folder/']
      await put(admin, Bucket, 'top')
      await put(admin, Bucket, 'from before')
      const VersioningConfiguration = { Status: 'Enabled' } as const
      await admin.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))
      for (const key of [...keys, ...keys]) await put(admin, Bucket, key)
      await admin.send(new DeleteObjectCommand({ Bucket, Key: 'a/b/c' }))
      await admin.send(new DeleteObjectCommand({ Bucket, Key: 'never/there' }))
      await t.rejects(store.deleteBucket(Bucket, budget()), { code: 'S3P_STORE_REJECTED' })
      await goes(t, Bucket)
    })

    await t.test('in many calls when it is large', async (t) => {
      const bucket = await newBucket('large')
      const keys = Array.from({ length: 1_200 }, (_, n) => `runs/${n % 300}/step-${n % 7}/o-${n}`)
      await inParallel(keys, (key) => put(admin, bucket, key))
      let { removed, isEmpty } = await store.emptyBucket(bucket, 0, budget())
      t.ok(removed > 0 && removed < keys.length, 'without patience it removes some')
      t.notOk(isEmpty)
      while (!isEmpty) {
        const emptying = await store.emptyBucket(bucket, 500, budget())
        removed += emptying.removed
        isEmpty = emptying.isEmpty
      }
      t.equal(removed, keys.length)
      await goes(t, bucket)
    })

    await t.test('not what is under a retention, and that is said', async (t) => {
      const Bucket = await newBucket('locked', { ObjectLockEnabledForBucket: true })
      for (const key of ['free', 'kept', 'z']) await put(admin, Bucket, key)
      const RetainUntilDate = new Date(Date.now() + 3_600_000)
      const Retention = { Mode: 'GOVERNANCE', RetainUntilDate } as const
      await admin.send(new PutObjectRetentionCommand({ Bucket, Key: 'kept', Retention }))
      for (let call = 0; call < 2; call++) {
        await t.rejects(store.emptyBucket(Bucket, 20_000, budget(25_000)), {
          code: 'S3P_STORE_REJECTED',
          message: /emptying bucket locked .*AccessDenied.* for object "kept"; is it under a ret/
        })
      }
      await t.rejects(store.deleteBucket(Bucket, budget()), { code: 'S3P_STORE_REJECTED' })
    })
  })
}
