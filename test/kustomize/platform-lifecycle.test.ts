import {
  CreateBucketCommand,
  HeadObjectCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand
} from '@aws-sdk/client-s3'
import t from 'tap'
import { s3Client } from '../fixtures/cluster-view.ts'
import { refusalOf } from '../fixtures/real-service.ts'
import { render } from './rendered.ts'
import { startRendered, WORKER } from './rendered-seaweedfs.ts'

const Bucket = 'profile-team-a-0123abcd'
const PREFIX = 'private-artifacts/team-a/'

t.test('the lifecycle worker deletes what has expired, and nothing else', async (t) => {
  const { pods, seaweedFs } = await startRendered(t, await render('overlays/single-user'))
  const client = s3Client(seaweedFs.s3Endpoint, seaweedFs.admin)
  await client.send(new CreateBucketCommand({ Bucket }))
  const [expired, young] = [`${PREFIX}expired`, `${PREFIX}young`]
  for (const Key of [expired, young]) {
    await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
  }
  const Status = 'Enabled'
  const Rules = [
    // As the hook writes it. No object of a test is a day old, so one expires by date.
    { ID: 'kfp-days', Status, Filter: { Prefix: PREFIX }, Expiration: { Days: 1 } },
    {
      ID: 'date',
      Status,
      Filter: { Prefix: expired },
      Expiration: { Date: new Date('2020-01-01') }
    }
  ] as const
  await client.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: { Rules: [...Rules] }
    })
  )

  t.same(await lifecycleRound(pods.podAddress(WORKER, 23646)), { executed: 1, failed: 0 })
  t.equal(await refusalOf(client.send(new HeadObjectCommand({ Bucket, Key: expired }))), 'NotFound')
  t.equal(await refusalOf(client.send(new HeadObjectCommand({ Bucket, Key: young }))), undefined)
})

/** What the admin server does by itself five minutes after its start and then once a day, done now. */
async function lifecycleRound(admin: string) {
  const url = `http://${admin}/api/plugin/job-types/s3_lifecycle/run`
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: '{}' })
  const report = (await answer.json()) as { executed_count: number; error_count: number }
  return { executed: report.executed_count, failed: report.error_count }
}
