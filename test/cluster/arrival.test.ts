import t from 'tap'
import { type Installation, install } from './installation.ts'
import { type LiveUser, liveUsers } from './store-view.ts'
import type { Tenant } from './tenant.ts'
import { until } from './until.ts'

const TEAMS = 20

for (const controller of ['decorator', 'composite'] as const) {
  t.test(`profiles come and go under the ${controller} controller`, async (t) => {
    const installation = await install(t, controller)
    if (installation === undefined) return
    const { iam, service } = installation
    const { kubernetes } = installation.platform
    const teams = (prefix: string, count = TEAMS) =>
      Array.from({ length: count }, (_, index) => installation.tenant(`${prefix}-${index}`))

    const oneByOne = teams('single')
    await t.test(`${TEAMS} one by one: each gets a key that works`, async (t) => {
      const took: number[] = []
      for (const team of oneByOne) {
        const startedAt = performance.now()
        await team.arrive()
        await untilUsable(team)
        took.push(performance.now() - startedAt)
        await team.untilSettled()
        await service.untilQuiet()
      }
      t.comment(`from creation to a key that works: ${summary(took)}`)
      t.same(await liveUsers(iam), await usersOf(installation, oneByOne))
      for (const name of ['kfp-launcher', 'metadata-grpc-configmap', 'artifact-repositories']) {
        const path = `/api/v1/configmaps?fieldSelector=metadata.name=${name}`
        t.equal((await kubernetes.list(path)).length, TEAMS)
      }
    })

    const atOnce = teams('burst')
    await t.test(`${TEAMS} in a burst: each gets one key`, async (t) => {
      const startedAt = performance.now()
      const took = await Promise.all(
        atOnce.map(async (team) => {
          await team.arrive()
          await untilUsable(team)
          return performance.now() - startedAt
        })
      )
      t.comment(`from creation to a key that works: ${summary(took)}`)
      for (const team of atOnce) await team.untilSettled()
      t.same(await liveUsers(iam), await usersOf(installation, [...oneByOne, ...atOnce]))
    })

    await t.test(
      'at rest nothing is written, neither to the store nor to the cluster',
      async (t) => {
        const everybody = [...oneByOne, ...atOnce]
        const versions = () =>
          Promise.all(
            everybody.map(async (team) => (await team.secret())?.metadata.resourceVersion)
          )
        const syncs = () => service.metric('s3p_hook_seconds_count', 'hook="sync"')
        const before = { versions: await versions(), syncs: await syncs() }
        const writes = await service.metric('s3p_store_writes_total')
        for (const team of everybody) await team.annotate({ touched: 'by the test' })
        await until(
          'all were synced',
          async () => (await syncs()) >= before.syncs + everybody.length
        )
        t.equal(await service.metric('s3p_store_writes_total'), writes)
        t.same(await versions(), before.versions)
        t.comment(`${(await syncs()) - before.syncs} syncs for ${everybody.length} changed parents`)
      }
    )

    await t.test('the service dies in the middle of a burst, and comes back', async (t) => {
      const interrupted = teams('interrupted', 5)
      const [first] = interrupted as [Tenant]
      await Promise.all(interrupted.map((team) => team.arrive()))
      await until('the first Secret', () => first.secret())
      await service.stop('SIGKILL')
      const late = installation.tenant('interrupted-late')
      await late.arrive()
      await service.start()
      const everybody = [...interrupted, late]
      for (const team of everybody) await untilUsable(team)
      for (const team of everybody) await team.untilSettled()
      t.same(await liveUsers(iam, 'interrupted'), await usersOf(installation, everybody))
    })

    await t.test('all go at once: no namespace, user or key is left', async (t) => {
      const interrupted = [...teams('interrupted', 5), installation.tenant('interrupted-late')]
      const startedAt = performance.now()
      await Promise.all([...oneByOne, ...atOnce, ...interrupted].map((team) => team.leave()))
      t.comment(`gone after ${Math.round((performance.now() - startedAt) / 1000)} s`)
      t.same(await liveUsers(iam), [])
      const profiles = await kubernetes.list('/apis/kubeflow.org/v1/profiles')
      t.same(profiles, [])
    })
  })
}

function untilUsable(team: Tenant) {
  return until(`${team.name} can write with its key`, async () => {
    const client = await team.client()
    return client && (await client.put('model'))
  })
}

/** What the store must have: a user for each Secret, with its key, and nothing else. */
async function usersOf({ iam }: Installation, teams: readonly Tenant[]): Promise<LiveUser[]> {
  const users = await liveUsers(iam)
  return Promise.all(
    teams.map(async (team) => {
      const name = users.find((user) => user.name.startsWith(`profile-${team.name}-`))?.name ?? ''
      const client = await team.client()
      return { name, accessKeys: [{ id: client?.accessKeyId ?? '', isActive: true }] }
    })
  ).then((found) => found.sort((a, b) => a.name.localeCompare(b.name)))
}

function summary(milliseconds: readonly number[]): string {
  const sorted = [...milliseconds].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? 0)
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms`
}
