import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import t, { type Test } from 'tap'
import { until } from '../cluster/until.ts'
import { type ApiServer, apiServer } from './api-server.ts'
import { COMBINATIONS, type Combination, titleOf } from './combinations.ts'
import { installedKfp } from './installed-kfp.ts'
import { KUSTOMIZE, type Rendered, render } from './rendered.ts'

/*
 * A real API server takes every object, and its controllers make every pod, in a namespace where Pod Security
 * `restricted` is enforced. There are no nodes, so nothing runs; what runs is in the other tests here.
 */

/** What our overlay meets; the rest of KFP takes Argo from the network. */
const KFP_PARTS = [
  'third-party/metacontroller/base',
  'base/installs/multi-user',
  'third-party/seaweedfs/istio'
]

interface Workload {
  readonly spec: {
    readonly replicas?: number
    readonly selector?: { readonly matchLabels: object }
  }
}

/** How many pods there are before one of them runs, and whose they are. */
const PODS: Readonly<Record<string, { label: string; count: (replicas: number) => number }>> = {
  Deployment: { label: '', count: (replicas) => replicas },
  StatefulSet: { label: '', count: (replicas) => Math.min(replicas, 1) },
  Job: { label: 'batch.kubernetes.io/job-name', count: () => 1 }
}

t.test('every overlay and every component is in a combination', async (t) => {
  const used = new Set([
    // What the overlays are made of.
    'components/seaweedfs',
    ...COMBINATIONS.flatMap(({ on, with: components = [] }) => [
      on,
      ...components.map((name) => `components/${name}`)
    ])
  ])
  for (const kind of ['overlays', 'components']) {
    for (const name of await readdir(join(KUSTOMIZE, kind))) {
      t.ok(used.has(`${kind}/${name}`), `${kind}/${name}`)
    }
  }
})

for (const combination of COMBINATIONS) {
  t.test(`${titleOf(combination)} is accepted, and no pod is refused`, async (t) => {
    const server = await apiServer(t)
    if (server === undefined) return
    if (combination.overKfp) await applyAll(t, server, installedKfp() as unknown as Rendered[])
    const folder = folderOf(t, combination)
    const objects = await render(folder)
    await server.define(objects)

    const said = await server.apply(folder)
    t.notMatch(said, /warning/i, 'nothing to warn of')
    for (const workload of objects.filter(({ kind }) => kind in PODS)) {
      await untilPodsAre(server, workload)
    }
    t.same(await refusals(server), [], 'no pod was refused')

    t.equal(await server.diff(folder), '', 'applied again it would change nothing')
    t.comment(`${objects.length} objects`)
  })
}

t.test('over KFP’s own manifests the overlay is accepted', async (t) => {
  const { KFP_MANIFESTS } = process.env
  if (!KFP_MANIFESTS) return t.plan(0, 'KFP_MANIFESTS names no manifests/kustomize of KFP')
  const server = await apiServer(t)
  if (server === undefined) return
  const root = t.testdir({})
  const resources = KFP_PARTS.map((part) => relative(root, join(KFP_MANIFESTS, part)))
  // As its installations for all platforms have it.
  const labels = [{ pairs: { 'application-crd-id': 'kubeflow-pipelines' }, includeSelectors: true }]
  const kustomization = { namespace: 'kubeflow', resources, labels }
  const kfp = t.testdir({ 'kustomization.yaml': JSON.stringify(kustomization) })
  const installed = await render(kfp)
  await server.define(installed)
  await server.apply(kfp)

  // Up to 2.16 KFP has a Metacontroller that cannot send a token, and says so of ours.
  const isOld = !JSON.stringify(installed).includes('"authorization"')
  const on = 'overlays/kubeflow-pipelines'
  const overlay = folderOf(t, { on, with: isOld ? ['metacontroller-4.11'] : [] })
  t.notMatch(await server.apply(overlay), /warning/i, 'nothing to warn of')
  t.equal(await server.diff(overlay), '', 'applied again it would change nothing')
  const name = 'kubeflow-pipelines-profile-controller'
  const path = `/apis/apps/v1/namespaces/kubeflow/deployments/${name}`
  const deployment = JSON.stringify(await server.get(path))
  t.notMatch(deployment.replace(/"managedFields".*|last-applied[^}]*/g, ''), /sync\.py/)
})

/** As a user writes it; what is KFP's own is a file there. */
function folderOf(t: Test, { on, with: components = [] }: Combination): string {
  const root = t.testdir({})
  const way = (folder: string) => relative(root, join(KUSTOMIZE, folder))
  const isKfp = on === 'components/kubeflow-pipelines'
  const kustomization = {
    resources: [isKfp ? 'kfp.json' : way(on)],
    components: [
      ...(isKfp ? [way(on)] : []),
      ...components.map((name) => way(`components/${name}`))
    ]
  }
  const kfp = { apiVersion: 'v1', kind: 'List', items: installedKfp() }
  return t.testdir({
    'kustomization.yaml': JSON.stringify(kustomization),
    ...(isKfp && { 'kfp.json': JSON.stringify(kfp) })
  })
}

async function applyAll(t: Test, server: ApiServer, objects: Rendered[]): Promise<void> {
  await server.define(objects)
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  const kustomization = JSON.stringify({ resources: ['kfp.json'] })
  await server.apply(
    t.testdir({ 'kustomization.yaml': kustomization, 'kfp.json': JSON.stringify(list) })
  )
}

async function untilPodsAre(server: ApiServer, workload: Rendered): Promise<void> {
  const { kind = '', metadata } = workload
  const { namespace = 'default', name } = metadata
  const { spec } = workload as unknown as Workload
  const { label, count } = PODS[kind] as (typeof PODS)[string]
  const labels = label === '' ? spec.selector?.matchLabels : { [label]: name }
  const selector = Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join()
  const path = `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector)}`
  const wanted = count(spec.replicas ?? 1)
  await until(`${kind} ${name} has ${wanted} pods`, async () => {
    const refused = await refusals(server)
    if (refused.length > 0) throw new Error(refused.join('; '))
    return (await server.list(path)).length >= wanted
  })
}

async function refusals(server: ApiServer): Promise<string[]> {
  const events = await server.list('/api/v1/events')
  return events
    .filter(({ reason }) => /FailedCreate/.test(String(reason)))
    .map(({ message }) => String(message))
}
