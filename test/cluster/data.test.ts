import { HeadBucketCommand, NotFound } from '@aws-sdk/client-s3'
import t from 'tap'
import { s3Client } from '../fixtures/cluster-view.ts'
import { refusalOf } from '../fixtures/real-service.ts'
import { install, settled } from './installation.ts'
import { liveUsers } from './store-view.ts'
import { until } from './until.ts'

for (const controller of ['decorator', 'composite'] as const) {
  t.test(`the data of a profile that goes under the ${controller} controller`, async (t) => {
    const installation = await install(t, controller)
    if (installation === undefined) return
    const { iam, service } = installation
    const { kubernetes, seaweedFs } = installation.platform
    const admin = s3Client(seaweedFs.s3Endpoint, seaweedFs.admin)
    const hasBucket = (Bucket: string) =>
      admin.send(new HeadBucketCommand({ Bucket })).then(
        () => true,
        (error) => {
          if (error instanceof NotFound) return false
          throw error
        }
      )

    await t.test('it stays, without a user, and another life does not inherit it', async (t) => {
      const { team, client: dead } = await settled(installation, 'reborn')
      await team.leave()
      t.same(await liveUsers(iam, team.name), [])
      t.equal(await refusalOf(dead.get('model')), 'InvalidAccessKeyId')
      t.ok(await hasBucket(dead.bucket))
      await team.arrive()
      await team.untilSettled()
      const reborn = await until('a key', () => team.client())
      t.not(reborn.accessKeyId, dead.accessKeyId)
      t.not(reborn.bucket, dead.bucket)
      t.equal(await refusalOf(reborn.get('model')), 'NoSuchKey')
    })

    await t.test('the line that `adopt` prints gives it back', async (t) => {
      const { team, client: dead } = await settled(installation, 'adopting')
      await team.leave()
      await team.arrive()
      await team.untilSettled()
      const parents = controller === 'composite' ? 'profiles.kubeflow.org' : 'namespaces'
      const list = await kubernetes.kubectl('get', parents, '-o', 'json')
      const { stdout } = await service.command('adopt', list)
      const line = stdout.split('\n').find((one) => one.includes(dead.bucket)) ?? ''
      const [command, ...words] = line.replace(/ #.*/, '').split(' ')
      t.equal(command, 'kubectl', line)
      await kubernetes.kubectl(...words)
      // ConfigMaps arrive before the Secret: for a moment the old key meets the bucket.
      const client = await until('the data is back', async () => {
        const client = await team.client()
        if (client?.bucket !== dead.bucket) return undefined
        await client.get('model')
        return client
      })
      await team.untilSettled()
      const accessKeys = [{ id: client.accessKeyId, isActive: true }]
      t.same(await liveUsers(iam, team.name), [{ name: dead.bucket, accessKeys }])
    })

    await t.test('it goes with a profile whose data policy says so', async (t) => {
      const { team, client } = await settled(installation, 'forgotten')
      await Promise.all(Array.from({ length: 20 }, (_, index) => client.put(`model-${index}`)))
      await team.annotate({ 'data-policy': `Delete/${team.name}` })
      await team.leave()
      t.notOk(await hasBucket(client.bucket))
      t.same(await liveUsers(iam, team.name), [])
      t.equal(await service.metric('s3p_objects_deleted_total'), 21)
    })

    await t.test('`sweep` finds nobody left behind, and would keep the data', async (t) => {
      const { client: living } = await settled(installation, 'living')
      const kinds = 'profiles.kubeflow.org,namespaces'
      const list = await kubernetes.kubectl('get', kinds, '-o', 'json')
      const { code, stdout } = await service.command('sweep', list)
      t.equal(code, 0, stdout)
      t.match(stdout, / keep /)
      t.notMatch(stdout, / (disable|delete) /)
      t.notMatch(stdout, living.bucket)
    })
  })
}
