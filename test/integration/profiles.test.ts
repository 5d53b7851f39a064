import {
  DeleteAccessKeyCommand,
  DeletePolicyCommand,
  DetachUserPolicyCommand,
  ListAttachedUserPoliciesCommand
} from '@aws-sdk/client-iam'
import {
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  HeadBucketCommand,
  ListObjectsV2Command
} from '@aws-sdk/client-s3'
import t from 'tap'
import { type ClusterView, clusterView, s3Client } from '../fixtures/cluster-view.ts'
import {
  BUDGET_MS,
  eventually,
  get,
  keysOf,
  LAYOUTS,
  MINUTES,
  onEveryIdentityApi,
  put,
  refusalOf,
  rootOf,
  startService,
  userIn
} from '../fixtures/real-service.ts'

t.test('the life of two profiles on a real SeaweedFS', (t) =>
  onEveryIdentityApi(t, async (t, seaweedFs, endpoint) => {
    for (const layout of LAYOUTS) {
      await t.test(`${layout} layout`, async (t) => {
        const service = await startService(t, seaweedFs, endpoint, layout)
        const name = (team: string) => `${team}-${layout}`
        const teamA = clusterView(service.url, name('team-a'), `uid-a-${layout}`)
        const teamB = clusterView(service.url, name('team-b'), `uid-b-${layout}`)
        const clientOf = (view: ClusterView) => s3Client(seaweedFs.s3Endpoint, view.accessKey)

        await t.test('two profiles get a working key each', async (t) => {
          for (const team of [teamA, teamB]) {
            t.equal((await team.sync()).status, 200)
            const { bucket, prefix } = rootOf(team)
            await put(clientOf(team), bucket, `${prefix}v2/artifacts/model`)
            const object = await get(clientOf(team), bucket, `${prefix}v2/artifacts/model`)
            t.ok(await object.Body?.transformToString())
            const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix })
            t.equal((await clientOf(team).send(list)).KeyCount, 1)
            await clientOf(team).send(new HeadBucketCommand({ Bucket: bucket }))
          }
          t.not(teamA.accessKey.accessKeyId, teamB.accessKey.accessKeyId)
        })
        const userA = userIn(service.writes)

        await t.test('and neither reaches the other', async (t) => {
          for (const [team, other] of [
            [teamA, teamB],
            [teamB, teamA]
          ] as const) {
            const { bucket, prefix } = rootOf(other)
            const client = clientOf(team)
            const list = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix })
            const key = `${prefix}v2/artifacts/model`
            t.equal(await refusalOf(get(client, bucket, key)), 'AccessDenied')
            t.equal(await refusalOf(put(client, bucket, key)), 'AccessDenied')
            t.equal(await refusalOf(client.send(list)), 'AccessDenied')
          }
        })

        await t.test('a steady sync asks the store nothing', async (t) => {
          service.s3Proxy.reset()
          service.iamProxy.reset()
          t.equal((await teamA.sync()).status, 200)
          t.equal(service.s3Proxy.calls() + service.iamProxy.calls(), 0)
        })

        await t.test(
          'a sync that renews its proof writes nothing and reads no identity',
          async (t) => {
            service.clock.now += 5 * MINUTES
            const before = service.writes.length
            service.iamProxy.reset()
            t.equal((await teamA.sync()).status, 200)
            t.equal(service.writes.length, before)
            t.equal(service.iamProxy.calls(), 0)
          }
        )

        await t.test('a deleted key comes back as it was', async (t) => {
          const { accessKey } = teamA
          const { accessKeyId: AccessKeyId } = accessKey
          await service.iam.send(new DeleteAccessKeyCommand({ UserName: userA, AccessKeyId }))
          const { bucket, prefix } = rootOf(teamA)
          const read = () => get(clientOf(teamA), bucket, `${prefix}v2/artifacts/model`)
          t.equal(await eventually('InvalidAccessKeyId', read), 'InvalidAccessKeyId')
          service.clock.now += 5 * MINUTES
          t.equal((await teamA.sync()).status, 200)
          t.same(teamA.accessKey, accessKey)
          await t.resolves(read())
          t.same(await keysOf(service, userA), [AccessKeyId])
        })

        await t.test('a deleted policy comes back', async (t) => {
          const users = [userA, ...(layout === 'per-profile' ? [teamB] : [])].map((user) =>
            typeof user === 'string' ? user : rootOf(user).bucket
          )
          const attached = new ListAttachedUserPoliciesCommand({ UserName: userA })
          const [policy] = (await service.iam.send(attached)).AttachedPolicies ?? []
          const PolicyArn = `arn:aws:iam:::policy/${policy?.PolicyName}`
          for (const UserName of users) {
            await service.iam.send(new DetachUserPolicyCommand({ UserName, PolicyArn }))
          }
          await service.iam.send(new DeletePolicyCommand({ PolicyArn }))
          const { bucket, prefix } = rootOf(teamA)
          const read = () => get(clientOf(teamA), bucket, `${prefix}v2/artifacts/model`)
          t.equal(await eventually('AccessDenied', read), 'AccessDenied')
          service.clock.now += 5 * MINUTES
          for (const team of [teamA, teamB]) t.equal((await team.sync()).status, 200)
          await t.resolves(read())
        })

        await t.test('a deleted bucket policy comes back', async (t) => {
          if (layout !== 'shared') {
            t.pass('this layout needs none')
            return
          }
          const { bucket: Bucket } = rootOf(teamA)
          await service.admin.send(new DeleteBucketPolicyCommand({ Bucket }))
          service.clock.now += 5 * MINUTES
          t.equal((await teamA.sync()).status, 200)
          const { Policy } = await service.admin.send(new GetBucketPolicyCommand({ Bucket }))
          t.match(Policy, 'DenyPrefixPromotion')
        })

        await t.test('finalize kills the key at once and keeps the data', async (t) => {
          const dead = clientOf(teamB)
          const { bucket, prefix } = rootOf(teamB)
          const key = `${prefix}v2/artifacts/model`
          const { body } = await teamB.finalize()
          t.match(body, { finalized: false, resyncAfterSeconds: 25, attachments: [] })
          t.equal(
            await eventually('InvalidAccessKeyId', () => get(dead, bucket, key)),
            'InvalidAccessKeyId'
          )
          await t.resolves(get(service.admin, bucket, key))
        })

        await t.test(
          'label off and on again within VERIFY_INTERVAL: the same key works',
          async (t) => {
            const before = clusterView(service.url, name('team-b'), `uid-b-${layout}`)
            t.equal((await before.sync()).status, 200)
            const { accessKey } = before
            await before.finalize()
            t.equal((await before.sync()).status, 200)
            t.same(before.accessKey, accessKey)
            const { bucket, prefix } = rootOf(before)
            await t.resolves(get(clientOf(before), bucket, `${prefix}v2/artifacts/model`))
          }
        )

        await t.test('a late sync after finalize leaves no key behind', async (t) => {
          const late = clusterView(service.url, name('team-b'), `uid-b-${layout}`)
          await teamB.finalize()
          t.equal((await late.sync()).status, 200, 'it was sent before')
          service.clock.now += BUDGET_MS
          t.equal((await teamB.finalize()).body.finalized, false, 'found something again')
          service.clock.now += BUDGET_MS
          t.equal((await teamB.finalize()).body.finalized, true)
          const { bucket } = rootOf(late)
          const dead = () => clientOf(late).send(new HeadBucketCommand({ Bucket: bucket }))
          const list = () => clientOf(late).send(new ListObjectsV2Command({ Bucket: bucket }))
          t.ok(await refusalOf(dead()))
          t.equal(await eventually('InvalidAccessKeyId', list), 'InvalidAccessKeyId')
        })

        await t.test('a re-created profile of the same name inherits no key', async (t) => {
          const old = { client: clientOf(teamA), root: rootOf(teamA), key: teamA.accessKey }
          await teamA.finalize()
          const reborn = clusterView(service.url, name('team-a'), `uid-a-${layout}-reborn`)
          t.equal((await reborn.sync()).status, 200)
          t.not(reborn.accessKey.accessKeyId, old.key.accessKeyId)
          const key = `${old.root.prefix}v2/artifacts/model`
          const read = () => get(old.client, old.root.bucket, key)
          t.equal(await eventually('InvalidAccessKeyId', read), 'InvalidAccessKeyId')
          const inherited = await refusalOf(get(clientOf(reborn), old.root.bucket, key))
          t.equal(inherited, layout === 'per-profile' ? 'AccessDenied' : undefined)
        })
      })
    }
  })
)
