import t from 'tap'
import { clusterView } from '../fixtures/cluster-view.ts'
import { keysOf, LAYOUTS, onBothIamApis, startService, userIn } from '../fixtures/real-service.ts'

t.test('every remote call of a first sync may be cut', (t) =>
  onBothIamApis(t, async (t, seaweedFs, endpoint) => {
    for (const layout of LAYOUTS) {
      await t.test(`${layout} layout`, async (t) => {
        const service = await startService(t, seaweedFs, endpoint, layout)
        const name = (team: string) => `${team}-${layout}`
        const probing = clusterView(service.url, name('counted'), `uid-counted-${layout}`)
        service.s3Proxy.reset()
        service.iamProxy.reset()
        t.equal((await probing.sync()).status, 200)
        const counts = [service.s3Proxy.calls(), service.iamProxy.calls()]
        for (const [index, proxy] of [service.s3Proxy, service.iamProxy].entries()) {
          for (const moment of ['before', 'after'] as const) {
            for (let nth = 1; nth <= (counts[index] ?? 0); nth++) {
              const title = `${index === 0 ? 's3' : 'iam'}-${moment}-${nth}`
              const view = clusterView(service.url, name(title), `uid-${title}-${layout}`)
              const before = service.writes.length
              proxy.cut(nth, moment)
              const first = await view.sync()
              proxy.reset()
              if (first.status !== 200) {
                t.notOk('attachments' in first.body, `${title}: an error and no list`)
              }
              t.equal((await view.sync()).status, 200, `${title}: the next sync completes`)
              const user = userIn(service.writes.slice(before))
              t.same(await keysOf(service, user), [view.accessKey.accessKeyId], 'one key')
            }
          }
        }
      })
    }
  })
)
