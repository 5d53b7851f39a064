import t from 'tap'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { get, MINUTES, onBothIamApis, put, rootOf, startService } from '../fixtures/real-service.ts'

t.test('a store that is down is an error, and a restart loses nothing', (t) =>
  onBothIamApis(t, async (t, seaweedFs, endpoint) => {
    const service = await startService(t, seaweedFs, endpoint, 'per-profile')
    const team = clusterView(service.url, 'team-restart', 'uid-restart')
    t.equal((await team.sync()).status, 200)
    const { bucket, prefix } = rootOf(team)
    const client = s3Client(seaweedFs.s3Endpoint, team.accessKey)
    await put(client, bucket, `${prefix}kept`)

    service.clock.now += 5 * MINUTES
    await seaweedFs.kill()
    const { status, body } = await team.sync()
    t.equal(status, 503)
    t.match(body, { code: 'S3P_STORE_UNAVAILABLE', message: /profile team-restart/ })
    t.notOk('attachments' in body)

    await seaweedFs.start()
    const { accessKey } = team
    t.equal((await team.sync()).status, 200)
    t.same(team.accessKey, accessKey)
    await t.resolves(get(client, bucket, `${prefix}kept`))
  })
)
