import { readFileSync } from 'node:fs'
import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { environmentOf, find, hookOf, render, SECRETS } from './rendered.ts'

const NAME = 'kubeflow-pipelines-profile-controller'

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

interface NetworkPolicy {
  readonly spec: {
    readonly policyTypes: string[]
    readonly ingress: { from: object[]; ports: object[] }[]
    readonly egress: { to?: object[]; ports: { port: number }[] }[]
  }
}

const objects = await render('base')
const deployment = find(objects, 'Deployment', NAME)
const container = hookOf(objects)
const pod = deployment.spec.template.spec

t.test('is the hook and nothing else, in one Namespace', async (t) => {
  t.same(objects.map(({ kind }) => kind).sort(), [
    'ConfigMap',
    'Deployment',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Service',
    'ServiceAccount'
  ])
  for (const { kind, metadata } of objects) t.equal(metadata.namespace, 'kubeflow', kind)
})

t.test('starts with its settings and the Secrets of an installation', async (t) => {
  const config = loadConfig(environmentOf(objects, SECRETS))
  t.equal(config.profile.layout, 'per-profile')
  t.same(config.server.hookAuth, { tokens: [SECRETS['s3-profile-hook-token-v1/token']] })
})

t.test('has a settings ConfigMap whose change restarts the pods', async (t) => {
  const [source] = container.envFrom ?? []
  t.match(source?.configMapRef.name, /^s3-profile-controller-settings-[0-9a-z]{10}$/)
  t.ok(find(objects, 'ConfigMap', 's3-profile-controller-settings'))
})

t.test('takes the previous root key only while there is one', async (t) => {
  const previous = 'the root key before, of thirty-two bytes'
  const cluster = { ...SECRETS, 's3-profile-root-key/root-key-previous': previous }
  const { profile } = loadConfig(environmentOf(objects, cluster))
  t.equal(profile.previousRootKey?.toString(), previous)
})

t.test('runs what the image runs, as the user that the image is made for', async (t) => {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')
  t.match(dockerfile, `ENTRYPOINT ${JSON.stringify(container.command).replaceAll(',', ', ')}`)
  t.match(container['securityContext'], { runAsUser: 65532, runAsGroup: 65532 })
  t.match(dockerfile, 'USER 65532:65532')
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  ) as { version: string }
  t.equal(container.image, `ghcr.io/kubeflow/s3-profile-controller:${version}`)
})

t.test('asks for nothing that Pod Security `restricted` refuses', async (t) => {
  t.match(pod['securityContext'], {
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' }
  })
  t.match(container['securityContext'], {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] }
  })
  t.equal(pod.volumes, undefined)
})

t.test('has no way to the Kubernetes API', async (t) => {
  const account = find<{ automountServiceAccountToken: boolean }>(objects, 'ServiceAccount', NAME)
  t.equal(pod['automountServiceAccountToken'], false)
  t.equal(account.automountServiceAccountToken, false)
})

t.test('gives a sync under way the time to end', async (t) => {
  const { syncBudgetMs } = loadConfig(environmentOf(objects, SECRETS))
  t.ok(Number(pod['terminationGracePeriodSeconds']) * 1000 > syncBudgetMs)
})

t.test('is probed where it answers without a token', async (t) => {
  const path = (probe: string) => (container[probe] as Probe).httpGet.path
  t.equal(path('startupProbe'), '/healthz')
  t.equal(path('livenessProbe'), '/healthz', 'a store that is away restarts nobody')
  t.equal(path('readinessProbe'), '/readyz')
})

t.test('stays while it is rolled out or a node is drained', async (t) => {
  t.equal(deployment.spec.replicas, 2)
  t.match(deployment.spec['strategy'], { rollingUpdate: { maxUnavailable: 0 } })
  const budget = find<{ spec: object }>(objects, 'PodDisruptionBudget', NAME)
  t.match(budget.spec, { maxUnavailable: 1 })
})

t.test('is reached by Metacontroller alone, and reaches names and the store', async (t) => {
  const { spec } = find<NetworkPolicy>(objects, 'NetworkPolicy', NAME)
  const metacontroller = { podSelector: { matchLabels: { app: 'metacontroller' } } }
  t.same(spec.policyTypes, ['Ingress', 'Egress'])
  t.same(spec.ingress, [{ from: [metacontroller], ports: [{ port: 8080 }] }])
  const [names, store, ...others] = spec.egress
  t.same([...new Set(names?.ports.map(({ port }) => port))], [53, 5353])
  t.same(store, {
    to: [{ podSelector: { matchLabels: { app: 'seaweedfs' } } }],
    ports: [{ port: 8333 }]
  })
  t.same(others, [])
})

t.test('has a list of variables that patches can add to', async (t) => {
  t.type(container.env, Array)
  t.not(container.env.length, 0)
})
