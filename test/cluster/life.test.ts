import t, { type Test } from 'tap'
import { refusalOf } from '../fixtures/real-service.ts'
import { GRACE_SECONDS, type Installation, install, settled } from './installation.ts'
import { liveUsers } from './store-view.ts'
import { LABEL_PREFIX, type Tenant, type TenantClient } from './tenant.ts'
import { until } from './until.ts'

for (const controller of ['decorator', 'composite'] as const) {
  t.test(`the life of a profile under the ${controller} controller`, async (t) => {
    const installation = await install(t, controller)
    if (installation === undefined) return
    const { iam, service } = installation
    const { kubernetes } = installation.platform
    const keysOf = async ({ name }: Tenant) =>
      (await liveUsers(iam, name)).flatMap(({ accessKeys }) => accessKeys)

    await t.test('a rotation: the key before works for the grace, then it goes', async (t) => {
      const { team, client: before } = await settled(installation, 'rotated')
      await team.annotate({ 'rotate-credentials-at': timeText() })
      const after = await newClient(team, before)
      await t.resolves(after.get('model'), 'the new key works')
      await t.resolves(before.get('model'), 'and so does the one before')
      await until('the parent shows the grace', async () =>
        /Z/.test(graceShown(await team.parent()))
      )
      t.equal((await keysOf(team)).length, 2)
      await untilRefused(before)
      await team.untilSettled()
      t.same(await keysOf(team), [{ id: after.accessKeyId, isActive: true }])
      t.equal(graceShown(await team.parent()), '')
    })

    await t.test('a revocation: the key before goes at once', async (t) => {
      const { team, client: before } = await settled(installation, 'revoked')
      const startedAt = performance.now()
      await team.annotate({ 'revoke-credentials-before': timeText() })
      const after = await newClient(team, before)
      await untilRefused(before)
      const seconds = (performance.now() - startedAt) / 1000
      t.ok(seconds < GRACE_SECONDS, `after ${seconds.toFixed(1)} s`)
      await t.resolves(after.get('model'))
      await team.untilSettled()
      t.same(await keysOf(team), [{ id: after.accessKeyId, isActive: true }])
    })

    await t.test('a Secret deleted by hand comes back with the same key', async (t) => {
      const { team, client } = await settled(installation, 'deleted-secret')
      const before = await team.secret()
      await kubernetes.remove(team.secretPath)
      const after = await until('another Secret', async () => {
        const secret = await team.secret()
        return secret?.metadata.uid !== before?.metadata.uid && secret
      })
      t.same(after.data, before?.data)
      await t.resolves(client.get('model'))
      await team.untilSettled()
      t.same(await keysOf(team), [{ id: client.accessKeyId, isActive: true }])
    })

    await t.test('a Secret edited by hand is repaired', async (t) => {
      const { team } = await settled(installation, 'edited-secret')
      const before = await team.secret()
      const accesskey = Buffer.from('somebody else').toString('base64')
      await kubernetes.patch(team.secretPath, { data: { accesskey } })
      const after = await until('the Secret is repaired', async () => {
        const secret = await team.secret()
        return secret?.data?.['accesskey'] !== accesskey && secret
      })
      t.same(after.data, before?.data)
      t.equal(after.metadata.uid, before?.metadata.uid)
    })

    await t.test('a ConfigMap edited by hand is repaired, and keys of users survive', async (t) => {
      const { team } = await settled(installation, 'edited-config')
      const path = team.configMapPath('kfp-launcher')
      const root = (await kubernetes.get(path))?.data?.['defaultPipelineRoot']
      const data = { defaultPipelineRoot: 'minio://elsewhere', providers: 'of the team' }
      await kubernetes.patch(path, { data })
      await until('the root is repaired', async () => {
        return (await kubernetes.get(path))?.data?.['defaultPipelineRoot'] === root
      })
      t.equal((await kubernetes.get(path))?.data?.['providers'], 'of the team')
    })

    await t.test(
      'an opt-out ends the key and keeps the data, an opt-in brings both back',
      async (t) => {
        const { team, client } = await settled(installation, 'opted-out')
        await team.label({ enabled: 'false' })
        await untilRefused(client)
        await until('the Secret is gone', async () => !(await team.secret()))
        await until('the user is gone', async () => (await liveUsers(iam, team.name)).length === 0)
        t.equal(await kubernetes.get(team.configMapPath('kfp-launcher')), undefined)
        await until('no finalizer is left', async () => {
          return ours((await team.parent()).metadata.finalizers).length === 0
        })
        await team.label({ enabled: 'true' })
        const again = await until('a Secret', () => team.client())
        t.equal(again.accessKeyId, client.accessKeyId)
        await until('the data can be read', () => again.get('model'))
        await team.untilSettled()
      }
    )

    await t.test(
      'a malformed annotation is an Event of the parent, and changes nothing',
      async (t) => {
        const { team, client } = await settled(installation, 'malformed')
        const before = await team.secret()
        await team.annotate({ 'rotate-credentials-at': 'yesterday' })
        const event = await until('the Event', async () => {
          const selector = `involvedObject.name=${team.name},reason=SyncError`
          const [found] = await kubernetes.list(`/api/v1/events?fieldSelector=${selector}`)
          return found
        })
        t.match(event['message'], /422.*rotate-credentials-at must be a time/)
        t.same(await team.secret(), before)
        await t.resolves(client.get('model'))
        await team.annotate({ 'rotate-credentials-at': null })
      }
    )

    await t.test('what others say on the parent survives, and ours comes back', async (t) => {
      const { team } = await settled(installation, 'status')
      if (controller === 'composite') {
        const conditions = [{ type: 'Successful', status: 'True', message: 'of Kubeflow' }]
        const path = `/apis/kubeflow.org/v1/profiles/${team.name}/status`
        // Metacontroller writes a status whole, as it was when the sync began.
        await service.untilQuiet()
        await kubernetes.patch(path, { status: { conditions } })
        await team.untilSettled()
        t.match((await team.parent())['status'], { conditions })
      } else {
        await team.annotate({ 'object-storage': null })
        await team.untilSettled()
        t.match((await team.parent()).metadata.annotations, { owner: `${team.name}@example.com` })
      }
    })

    await t.test('a deletion waits for a service that is down', async (t) => {
      const { team, client } = await settled(installation, 'waiting')
      await service.stop()
      const left = team.leave()
      await until('the parent is going', async () => {
        return (await team.parent()).metadata.deletionTimestamp !== undefined
      })
      await t.resolves(client.get('model'), 'nobody has revoked the key')
      await service.start()
      await left
      t.same(await liveUsers(iam, team.name), [])
      t.equal(await refusalOf(client.get('model')), 'InvalidAccessKeyId')
    })

    if (controller === 'decorator') await namespaceWithoutProfile(t, installation)
  })
}

async function namespaceWithoutProfile(t: Test, installation: Installation) {
  const { iam } = installation
  const { kubernetes } = installation.platform
  await t.test('a Namespace without a Profile is a profile of its own', async (t) => {
    const team = installation.tenant('no-profile')
    await kubernetes.create('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: team.name, labels: { [`${LABEL_PREFIX}/enabled`]: 'true' } }
    })
    await team.untilSettled()
    t.equal((await liveUsers(iam, team.name)).length, 1)
    await kubernetes.remove(`/api/v1/namespaces/${team.name}`)
    await team.leave()
    t.same(await liveUsers(iam, team.name), [])
  })
}

function newClient(team: Tenant, before: TenantClient): Promise<TenantClient> {
  return until('a new key in the Secret', async () => {
    const client = await team.client()
    return client?.accessKeyId !== before.accessKeyId && client
  })
}

function untilRefused(client: TenantClient) {
  return until('the key is refused', async () => {
    return (await refusalOf(client.get('model'))) === 'InvalidAccessKeyId'
  })
}

/** Until when the key before works, in the words of either controller. */
function graceShown({ metadata, status }: Awaited<ReturnType<Tenant['parent']>>): string {
  const text = metadata.annotations?.[`${LABEL_PREFIX}/credentials-settling-until`] ?? ''
  return text || (/works until (\S+)/.exec(JSON.stringify(status ?? ''))?.[1] ?? '')
}

function ours(finalizers: readonly string[] = []): string[] {
  return finalizers.filter((name) => name.startsWith('metacontroller.io/'))
}

function timeText(): string {
  return new Date().toISOString()
}
