import t from 'tap'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import {
  eventually,
  get,
  onBothIamApis,
  put,
  refusalOf,
  rootOf,
  startService
} from '../fixtures/real-service.ts'

const KEY = 'private-artifacts/team-a/v2/artifacts/model'

t.test('the layout of profiles that have data is switched, and switched back', (t) =>
  onBothIamApis(t, async (t, seaweedFs, endpoint) => {
    const before = await startService(t, seaweedFs, endpoint, 'shared')
    const after = await startService(t, seaweedFs, endpoint, 'per-profile')
    const view = clusterView(before.url, 'team-a', 'uid-of-team-a')
    t.equal((await view.sync()).status, 200)
    const key = view.accessKey
    const { bucket: common } = rootOf(view)
    const client = s3Client(seaweedFs.s3Endpoint, key)
    await put(client, common, KEY)

    view.url = after.url
    t.equal((await view.sync()).status, 200)
    const { bucket: own } = rootOf(view)
    t.comment(JSON.stringify([common, own, key.accessKeyId === view.accessKey.accessKeyId]))
    t.same(view.accessKey, key, 'the key stays: pods that hold it go on')
    await t.resolves(put(client, own, KEY), 'in the bucket of the profile')
    t.equal(await eventually('AccessDenied', () => get(client, common, KEY)), 'AccessDenied')
    t.equal(await refusalOf(put(client, common, KEY)), 'AccessDenied')

    view.url = before.url
    t.equal((await view.sync()).status, 200)
    t.same(view.accessKey, key)
    await t.resolves(get(client, common, KEY), 'everything of before is in reach again')
    t.equal(await eventually('AccessDenied', () => get(client, own, KEY)), 'AccessDenied')
    t.equal((await get(before.admin, own, KEY)).$metadata.httpStatusCode, 200, 'and nothing lost')
  })
)
