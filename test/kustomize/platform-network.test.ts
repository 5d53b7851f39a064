import t from 'tap'
import { type Rendered, render } from './rendered.ts'
import { type Pod, podsOf } from './rendered-pods.ts'

interface Peer {
  readonly podSelector?: Selector
  readonly namespaceSelector?: Selector
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly { key: string; operator: string; values: string[] }[]
}

interface NetworkPolicy extends Rendered {
  readonly spec: {
    readonly podSelector: Selector
    readonly policyTypes: readonly string[]
    readonly ingress?: readonly { from?: Peer[]; ports?: { port: number }[] }[]
  }
}

/** Somebody who calls: where it runs, and the labels of its pod. */
interface Caller {
  readonly namespace: Readonly<Record<string, string>>
  readonly pod: Readonly<Record<string, string>>
}

const SYSTEM = { 'kubernetes.io/metadata.name': 'kubeflow' }
const TENANT = {
  'kubernetes.io/metadata.name': 'team-a',
  'app.kubernetes.io/part-of': 'kubeflow-profile'
}
/** Whatever a tenant calls its pods. */
const IMPOSTOR = { app: 'kubeflow-pipelines-profile-controller' }

const callers: Record<string, Caller> = {
  'a pod of a profile': { namespace: TENANT, pod: { app: 'step' } },
  'a pod of a profile that is labelled as the hook': { namespace: TENANT, pod: IMPOSTOR },
  'a pod of KFP': { namespace: SYSTEM, pod: { app: 'ml-pipeline' } },
  'a pod of another namespace': {
    namespace: { 'kubernetes.io/metadata.name': 'default' },
    pod: {}
  },
  'the hook': { namespace: SYSTEM, pod: IMPOSTOR },
  'the server': { namespace: SYSTEM, pod: { app: 'seaweedfs-server' } },
  'the gateway': { namespace: SYSTEM, pod: { app: 'seaweedfs' } },
  'the worker': { namespace: SYSTEM, pod: { app: 'seaweedfs-worker' } }
}

const EVERYTHING = [8080, 8888, 9327, 9333, 18080, 18888, 19333]
const OWN = {
  server: EVERYTHING,
  gateway: [8333, 18333],
  worker: []
}

/** Which ports of whom each of them may reach. */
const allowed: Record<string, { server: number[]; gateway: number[]; worker: number[] }> = {
  'a pod of a profile': { server: [], gateway: [8333], worker: [] },
  'a pod of a profile that is labelled as the hook': { server: [], gateway: [8333], worker: [] },
  'a pod of KFP': { server: [], gateway: [8333], worker: [] },
  'a pod of another namespace': { server: [], gateway: [], worker: [] },
  'the hook': { server: [18888], gateway: [8333], worker: [] },
  'the server': OWN,
  'the gateway': { ...OWN, gateway: [8333] },
  'the worker': OWN
}

t.test('the NetworkPolicies of the store', async (t) => {
  const objects = await render('overlays/standalone')
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy') as NetworkPolicy[]
  const pods = podsOf(objects)
  for (const [name, caller] of Object.entries(callers)) {
    const reach = (pod: string) => reachable(policies, podNamed(pods, pod), caller)
    t.same(
      {
        server: reach('seaweedfs-server-0'),
        gateway: reach('seaweedfs-0'),
        worker: reach('seaweedfs-worker-0')
      },
      allowed[name],
      name
    )
  }
})

function podNamed(pods: readonly Pod[], name: string): Pod {
  const pod = pods.find((pod) => pod.name === name)
  if (pod === undefined) throw new Error(`No pod ${name}`)
  return pod
}

/** Those of its declared ports that the policies let the caller reach. */
function reachable(policies: readonly NetworkPolicy[], pod: Pod, caller: Caller): number[] {
  const ports = pod.containers.flatMap(({ ports = [] }) =>
    ports.map(({ containerPort }) => containerPort)
  )
  const meant = policies.filter(
    ({ spec }) => spec.policyTypes.includes('Ingress') && selects(spec.podSelector, pod.labels)
  )
  if (meant.length === 0) return ports.sort()
  const rules = meant.flatMap(({ spec }) => spec.ingress ?? [])
  const open = rules.filter(({ from }) => from?.some((peer) => isPeer(peer, caller)))
  return [...new Set(ports)]
    .filter((port) => open.some((rule) => rule.ports?.some((one) => one.port === port) ?? true))
    .sort((a, b) => a - b)
}

function isPeer({ namespaceSelector, podSelector }: Peer, { namespace, pod }: Caller): boolean {
  const isThere = namespaceSelector
    ? selects(namespaceSelector, namespace)
    : namespace['kubernetes.io/metadata.name'] === 'kubeflow'
  return isThere && (podSelector === undefined || selects(podSelector, pod))
}

function selects(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Readonly<Record<string, string>>
): boolean {
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(
      ({ key, operator, values }) => operator === 'In' && values.includes(labels[key] ?? '')
    )
  )
}
