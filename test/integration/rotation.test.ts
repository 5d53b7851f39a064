import { ListAccessKeysCommand } from '@aws-sdk/client-iam'
import t, { type Test } from 'tap'
import type { SeaweedFs } from '../../dev/seaweedfs.ts'
import { timeText } from '../../src/desired/attachments.ts'
import { ROOT_KEY } from '../fixtures/builders.ts'
import { type ClusterView, clusterView, s3Client } from '../fixtures/cluster-view.ts'
import {
  eventually,
  get,
  keysOf,
  MINUTES,
  onBothIamApis,
  put,
  rootOf,
  type Service,
  startService,
  userIn
} from '../fixtures/real-service.ts'
import { STARTED_AT } from '../fixtures/story.ts'

const GRACE = 10 * MINUTES
const SETTINGS = { CREDENTIAL_GRACE: '10m' }
const OTHER_ROOT = 'another-root-key-of-32-bytes-or-more'
const ROTATE = 'pipelines.kubeflow.org/rotate-credentials-at'
const REVOKE = 'pipelines.kubeflow.org/revoke-credentials-before'
const SETTLING = 'pipelines.kubeflow.org/credentials-settling-until'

t.test('keys rotate on a real SeaweedFS', (t) =>
  onBothIamApis(t, async (t, seaweedFs, endpoint) => {
    const service = await startService(t, seaweedFs, endpoint, 'per-profile', SETTINGS)
    const other = clusterView(service.url, 'team-other', 'uid-other')
    t.equal((await other.sync()).status, 200)

    await t.test('by annotation, with a grace', async (t) => {
      const { team, user, works, refused } = await onboard(t, seaweedFs, service, 'team-rotated')
      const before = team.accessKey
      team.annotations = { ...team.annotations, [ROTATE]: textOf(service) }
      t.equal((await team.sync()).status, 200)
      t.not(team.accessKey.accessKeyId, before.accessKeyId)
      await works(before, 'before the new one was seen')
      await works(team.accessKey)

      const { body } = await team.sync()
      t.equal(team.annotations[SETTLING], timeText(STARTED_AT + (service.clock.now + GRACE) / 1000))
      t.equal(body.resyncAfterSeconds, GRACE / 1000)
      service.clock.now += GRACE - 1000
      const { attachments } = team
      t.equal((await team.sync()).status, 200)
      t.same(team.attachments, attachments, 'the answer is stable')
      await works(before, 'to the end of the grace')

      service.clock.now += 1000
      t.equal((await team.sync()).status, 200)
      t.same(await statesOf(service, user), {
        [before.accessKeyId]: 'Inactive',
        [team.accessKey.accessKeyId]: 'Active'
      })
      await refused(before)
      t.equal((await team.sync()).status, 200)
      t.same(await keysOf(service, user), [team.accessKey.accessKeyId])
      t.notOk(SETTLING in team.annotations)
      await works(team.accessKey)

      service.s3Proxy.reset()
      service.iamProxy.reset()
      t.equal((await team.sync()).status, 200)
      t.equal(service.s3Proxy.calls() + service.iamProxy.calls(), 0, 'settled')
    })

    await t.test('by revocation, without one', async (t) => {
      const { team, user, works, refused } = await onboard(t, seaweedFs, service, 'team-revoked')
      const before = team.accessKey
      team.annotations = { ...team.annotations, [REVOKE]: textOf(service) }
      t.equal((await team.sync()).status, 200)
      await works(before, 'until the new one was seen')
      t.equal((await team.sync()).status, 200)
      await refused(before)
      t.equal((await team.sync()).status, 200)
      t.same(await keysOf(service, user), [team.accessKey.accessKeyId])
      await works(team.accessKey)
    })

    await t.test('by a new root key, with a grace and back again', async (t) => {
      const { team, user, works, refused } = await onboard(t, seaweedFs, service, 'team-root')
      const before = team.accessKey
      const changed = await startService(t, seaweedFs, endpoint, 'per-profile', {
        ...SETTINGS,
        CREDENTIAL_ROOT_KEY: OTHER_ROOT,
        CREDENTIAL_ROOT_KEY_PREVIOUS: ROOT_KEY
      })
      changed.clock.now = service.clock.now
      team.url = changed.url
      for (let turn = 0; turn < 2; turn++) t.equal((await team.sync()).status, 200)
      const after = team.accessKey
      t.not(after.accessKeyId, before.accessKeyId)
      await works(before)
      await works(after)
      changed.clock.now += GRACE
      for (let turn = 0; turn < 2; turn++) t.equal((await team.sync()).status, 200)
      await refused(before)
      t.same(await keysOf(service, user), [after.accessKeyId])

      const back = await startService(t, seaweedFs, endpoint, 'per-profile', SETTINGS)
      back.clock.now = changed.clock.now
      team.url = back.url
      t.equal((await team.sync()).status, 200)
      t.same(team.accessKey, before)
      await works(after, 'until the Secret has the other')
      for (let turn = 0; turn < 2; turn++) t.equal((await team.sync()).status, 200)
      await refused(after)
      t.same(await keysOf(service, user), [before.accessKeyId], 'no grace without the previous one')
    })

    await t.test('and nobody else notices', async (t) => {
      const { works } = worksOn(t, seaweedFs, other)
      await works(other.accessKey)
    })
  })
)

/** A profile that has come to rest with its first key. */
async function onboard(t: Test, seaweedFs: SeaweedFs, service: Service, name: string) {
  const before = service.writes.length
  const team = clusterView(service.url, name, `uid-${name}`)
  for (let turn = 0; turn < 2; turn++) t.equal((await team.sync()).status, 200)
  const user = userIn(service.writes.slice(before))
  t.ok(user)
  // Wherever the story is, the next key is a later one.
  service.clock.now += 1 * MINUTES
  return { team, user, ...worksOn(t, seaweedFs, team) }
}

/** Whether a key of the profile opens the profile's own data. */
function worksOn(t: Test, seaweedFs: SeaweedFs, team: ClusterView) {
  const { bucket, prefix } = rootOf(team)
  type Key = ClusterView['accessKey']
  const clientOf = (key: Key) => s3Client(seaweedFs.s3Endpoint, key)
  return {
    works: async (key: Key, when = '') => {
      await put(clientOf(key), bucket, `${prefix}model`)
      await t.resolves(get(clientOf(key), bucket, `${prefix}model`), when)
    },
    refused: async (key: Key) => {
      const read = () => get(clientOf(key), bucket, `${prefix}model`)
      t.equal(await eventually('InvalidAccessKeyId', read), 'InvalidAccessKeyId')
    }
  }
}

/** What the service's clock says. */
function textOf({ clock }: Service): string {
  return timeText(STARTED_AT + clock.now / 1000)
}

async function statesOf({ iam }: Service, user: string): Promise<Record<string, string>> {
  const { AccessKeyMetadata = [] } = await iam.send(new ListAccessKeysCommand({ UserName: user }))
  return Object.fromEntries(
    AccessKeyMetadata.map(({ AccessKeyId = '', Status = '' }) => [AccessKeyId, Status])
  )
}
