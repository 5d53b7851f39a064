import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { install, settled, type Team } from './installation.ts'
import type { KubernetesObject } from './kubernetes.ts'
import { applyController, type Platform } from './platform.ts'
import { liveUsers } from './store-view.ts'
import { type Tenant, tenantOf } from './tenant.ts'
import { until } from './until.ts'

const run = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('../../kustomize/guides/hand-over.sh', import.meta.url))
const NAMES = ['moving-a', 'moving-b']
const OBJECTS = ['secrets/mlpipeline-minio-artifact', 'configmaps/kfp-launcher']
const DROP_FINALIZE = '[{"op":"remove","path":"/spec/hooks/finalize"}]'

t.test(
  'profiles move from the Decorator to the Composite and back, as the guide says',
  async (t) => {
    const installation = await install(t, 'decorator')
    if (installation === undefined) return
    const { platform, service, iam } = installation
    const { kubectl } = platform.kubernetes
    const teams: Team[] = []
    for (const name of NAMES) teams.push(await settled(installation, name))
    const uids = await uidsOf(platform)

    await t.test('to the Composite', async (t) => {
      await letGo(platform, 'decorator', 'kubeflow-pipelines-profile-controller')
      await handOver(platform, 'composite')
      await applyController(platform, 'composite', service.url)
      for (const { team, client } of teams) {
        const moved = tenantOf(platform, 'composite', team.name)
        await ownedBy(platform, team, 'Profile')
        await moved.untilSettled()
        t.equal((await moved.client())?.accessKeyId, client.accessKeyId, 'the same key')
        await t.resolves(client.get('model'), 'it works on')
      }
      t.same(await uidsOf(platform), uids, 'no object was made anew')
    })

    await t.test('what is deleted then is made by the Composite', async (t) => {
      const [first] = teams as [Team]
      const { name } = first.team
      await kubectl('--namespace', name, 'delete', 'secret', 'mlpipeline-minio-artifact')
      await ownedBy(platform, first.team, 'Profile')
      t.equal(
        (await first.team.client())?.accessKeyId,
        first.client.accessKeyId,
        'with the same key'
      )
    })

    await t.test('and back', async (t) => {
      const before = await uidsOf(platform)
      await letGo(platform, 'composite', 's3-profile-controller')
      await handOver(platform, 'decorator')
      await applyController(platform, 'decorator', service.url)
      for (const { team, client } of teams) {
        await ownedBy(platform, team, 'Namespace')
        await until(`${team.name} has the finalizer`, async () => {
          const { metadata } = await team.parent()
          return metadata.finalizers?.some((name) => name.includes('decoratorcontroller'))
        })
        await team.untilSettled()
        t.equal((await team.client())?.accessKeyId, client.accessKeyId, 'the same key')
      }
      t.same(await uidsOf(platform), before, 'no object was made anew')
    })

    await t.test('a profile that goes then takes its user along', async (t) => {
      for (const { team } of teams) {
        await team.leave()
        t.same(await liveUsers(iam, team.name), [])
      }
    })
  }
)

/** Its finalizers first: nobody takes them off any more once the controller is gone. */
async function letGo({ kubernetes }: Platform, kind: string, name: string): Promise<void> {
  const controller = `${kind}controller`
  await kubernetes.kubectl('patch', controller, name, '--type=json', `--patch=${DROP_FINALIZE}`)
  const finalizer = `metacontroller.io/${controller}-${name}`
  const path = kind === 'decorator' ? '/api/v1/namespaces' : '/apis/kubeflow.org/v1/profiles'
  await until('no parent has its finalizer', async () => {
    const parents = await kubernetes.list(path)
    return !parents.some(({ metadata }) => metadata.finalizers?.includes(finalizer))
  })
  await kubernetes.kubectl('delete', controller, name)
}

async function handOver({ kubernetes, cluster }: Platform, to: string): Promise<void> {
  const env = { ...process.env, KUBECONFIG: kubernetes.kubeconfig }
  const { stdout } = await run('sh', [SCRIPT, to], { env })
  if (stdout.split('\n').length < OBJECTS.length * NAMES.length) throw new Error(stdout)
  await run('sh', ['-ec', stdout], { env, cwd: cluster.processes.folder })
}

async function ownedBy({ kubernetes }: Platform, { name }: Tenant, kind: string): Promise<void> {
  for (const object of OBJECTS) {
    await until(`${object} of ${name} belongs to the ${kind}`, async () => {
      const found = await kubernetes.get(`/api/v1/namespaces/${name}/${object}`)
      const owners = (found?.metadata.ownerReferences ?? []) as KubernetesObject[]
      return owners.length === 1 && owners[0]?.kind === kind
    })
  }
}

async function uidsOf({ kubernetes }: Platform): Promise<(string | undefined)[]> {
  const paths = NAMES.flatMap((name) => OBJECTS.map((one) => `/api/v1/namespaces/${name}/${one}`))
  return Promise.all(paths.map(async (path) => (await kubernetes.get(path))?.metadata.uid))
}
