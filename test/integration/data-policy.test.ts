import {
  CreateMultipartUploadCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketVersioningCommand,
  UploadPartCommand
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { VERSIONS } from '../../dev/seaweedfs.ts'
import { type ClusterView, clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import {
  eventually,
  get,
  inParallel,
  put,
  refusalOf,
  rootOf,
  type Service,
  startService,
  userIn
} from '../fixtures/real-service.ts'

const DATA_POLICY = 'pipelines.kubeflow.org/data-policy'
const BUDGET_MS = 2_000
const SETTINGS = { SYNC_BUDGET: `${BUDGET_MS}ms` }
const OBJECTS = 1_500
/** A call removes data for at most half of its budget: where that is over, it removes one page. */
const HALF_MS = BUDGET_MS / 2

for (const version of VERSIONS) {
  t.test(`the data of deleted profiles on SeaweedFS ${version}`, async (t) => {
    const seaweedFs = await realSeaweedFs(t, { version })
    if (seaweedFs === undefined) return
    const start = () => startService(t, seaweedFs, seaweedFs.iamEndpoint, 'per-profile', SETTINGS)
    const service = await start()
    const clientOf = ({ accessKey }: ClusterView) => s3Client(seaweedFs.s3Endpoint, accessKey)

    /** A profile with some data. */
    async function onboard(name: string, asks: Record<string, string> = {}) {
      const team = clusterView(service.url, name, `uid-of-${name}`)
      team.annotations = asks
      await untilOk(() => team.sync())
      const { bucket, prefix } = rootOf(team)
      await put(clientOf(team), bucket, `${prefix}v2/artifacts/model`)
      return { team, bucket, prefix, client: clientOf(team) }
    }

    const neighbour = await onboard('team-neighbour')

    await t.test('much of it goes in many calls, whatever dies in between', async (t) => {
      const large = await onboard('team-large', { [DATA_POLICY]: 'Delete/team-large' })
      const { team, bucket, prefix, client } = large
      const keyOf = (n: number) => `${prefix}v2/artifacts/pipeline/run-${n % 200}/step/o +%ü-${n}`
      const keys = Array.from({ length: OBJECTS }, (_, n) => keyOf(n))
      keys.push(`${prefix}folder/`, `${prefix}ctl\u0001`, `${prefix}ctl\u001f/below`, 'elsewhere')
      await inParallel(keys, (key) => put(client, bucket, key))
      await beginUpload(large, `${prefix}unfinished`)

      service.s3Proxy.delay('HEAD', HALF_MS)
      team.deletionTimestamp = '2027-01-15T08:00:00Z'
      const first = await untilOk(() => team.finalize())
      t.match(first.body, { attachments: [], finalized: false, resyncAfterSeconds: 1 })
      const read = () => get(client, bucket, keyOf(0))
      t.equal(await eventually('InvalidAccessKeyId', read), 'InvalidAccessKeyId')
      service.s3Proxy.delay('HEAD', 0)
      await onboard('team-meanwhile')

      const other = await start()
      other.s3Proxy.delay('HEAD', HALF_MS)
      team.url = other.url
      const second = await untilOk(() => team.finalize())
      t.match(second.body, { finalized: false, resyncAfterSeconds: 1 }, 'a restart of ours')

      await seaweedFs.kill()
      t.equal((await team.finalize()).status, 503, 'a kill of the store')
      await seaweedFs.start()
      other.s3Proxy.delay('HEAD', 0)
      t.match(await lastAnswerOf(team), { finalized: false, resyncAfterSeconds: 2 })
      await isGone(t, service, bucket)
      other.clock.now += BUDGET_MS
      t.match((await untilOk(() => team.finalize())).body, { finalized: true })
      t.notMatch(JSON.stringify(await bucketsOf(service)), /team-large/)
    })

    await t.test('versions that an admin has switched on go as well', async (t) => {
      const asks = { [DATA_POLICY]: 'Delete/team-versions' }
      const { team, bucket, prefix, client } = await onboard('team-versions', asks)
      const VersioningConfiguration = { Status: 'Enabled' } as const
      const command = new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration })
      await service.admin.send(command)
      for (const key of ['a/b', 'a/b', 'c', 'v2/artifacts/model']) {
        await put(client, bucket, `${prefix}${key}`)
      }
      team.deletionTimestamp = '2027-01-15T08:00:00Z'
      t.match(await lastAnswerOf(team), { finalized: false, resyncAfterSeconds: 2 })
      await isGone(t, service, bucket)
    })

    await t.test('a late sync leaves no bucket behind', async (t) => {
      const asks = { [DATA_POLICY]: 'Delete/team-late' }
      const { team, bucket } = await onboard('team-late', asks)
      const leaving = clusterView(service.url, 'team-late', 'uid-of-team-late')
      leaving.annotations = asks
      leaving.deletionTimestamp = '2027-01-15T08:00:00Z'
      await lastAnswerOf(leaving)
      await isGone(t, service, bucket)
      // Another replica, which has not heard of the deletion.
      const other = await start()
      team.url = other.url
      await untilOk(() => team.sync())
      t.equal(await refusalOf(head(service, bucket)), undefined)
      service.clock.now += BUDGET_MS
      t.match(await lastAnswerOf(leaving), { finalized: false, resyncAfterSeconds: 2 })
      await isGone(t, service, bucket)
      t.ok(userIn(other.writes))
      service.clock.now += BUDGET_MS
      t.match((await untilOk(() => leaving.finalize())).body, { finalized: true })
    })

    await t.test('it stays when the profile opts out, and by default', async (t) => {
      for (const [name, asks] of [
        ['team-out', { [DATA_POLICY]: 'Delete/team-out' }],
        ['team-kept', {}]
      ] as const) {
        const { team, bucket } = await onboard(name, asks)
        if (name === 'team-kept') team.deletionTimestamp = '2027-01-15T08:00:00Z'
        await untilOk(() => team.finalize())
        t.equal(await refusalOf(head(service, bucket)), undefined)
      }
    })

    await t.test('and nobody else notices', async (t) => {
      const { client, bucket, prefix } = neighbour
      await t.resolves(get(client, bucket, `${prefix}v2/artifacts/model`))
    })

    async function beginUpload({ client, bucket }: typeof neighbour, Key: string) {
      const { UploadId } = await client.send(
        new CreateMultipartUploadCommand({ Bucket: bucket, Key })
      )
      const part = { Bucket: bucket, Key, UploadId, PartNumber: 1, Body: 'part' }
      await client.send(new UploadPartCommand(part))
    }
  })
}

/** As Metacontroller does: an error is tried again. */
async function untilOk(call: () => ReturnType<ClusterView['sync']>) {
  for (let attempt = 0; attempt < 20; attempt++) {
    const answer = await call()
    if (answer.status === 200) return answer
    if (answer.status !== 503) throw new Error(JSON.stringify(answer.body))
  }
  throw new Error('never answered')
}

/** Finalizes until nothing is left to delete. */
async function lastAnswerOf(team: ClusterView) {
  for (let call = 0; call < 100; call++) {
    const { body } = await untilOk(() => team.finalize())
    if (body.resyncAfterSeconds !== 1) return body
  }
  throw new Error('never done')
}

function head({ admin }: Service, Bucket: string) {
  return admin.send(new HeadBucketCommand({ Bucket }))
}

async function isGone(t: Test, service: Service, bucket: string) {
  t.equal(await refusalOf(head(service, bucket)), 'NotFound')
}

async function bucketsOf({ admin }: Service) {
  const { Buckets = [] } = await admin.send(new ListBucketsCommand({}))
  return Buckets.map(({ Name }) => Name)
}
