import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config.ts'
import { buildMetrics } from '../../src/metrics.ts'
import { installedKfp, KFP_CLUSTER } from './installed-kfp.ts'
import { environmentOf, find, type Rendered, renderOwn, SECRETS } from './rendered.ts'

const NAME = 'kubeflow-pipelines-profile-controller'

const { 's3-profile-hook-token-v1/token': _, ...SECRETS_WITHOUT_TOKEN } = SECRETS

interface Controller extends Rendered {
  readonly spec: {
    readonly hooks: Record<'sync' | 'finalize', { webhook: { authorization?: object } }>
  }
}

interface PrometheusRule {
  readonly spec: {
    readonly groups: { readonly rules: { alert: string; expr: string; annotations: object }[] }[]
  }
}

interface Policy {
  readonly spec: { readonly podSelector: { readonly matchLabels: object } }
}

t.test('composite: one of the two controllers, with its rights', async (t) => {
  const objects = await overKfp(t, 'composite')
  t.ok(find(objects, 'CompositeController', 's3-profile-controller'))
  t.notOk(objects.some(({ kind }) => kind === 'DecoratorController'))
  t.same(
    objects.filter(({ kind }) => kind === 'ClusterRole').map(({ metadata }) => metadata.name),
    ['s3-profile-controller-composite']
  )
})

t.test('bucket-per-profile: the other layout, and KFP’s bucket stays off limits', async (t) => {
  const objects = await overKfp(t, 'bucket-per-profile')
  const { profile } = loadConfig(environmentOf(objects, { ...SECRETS, ...KFP_CLUSTER }))
  t.equal(profile.layout, 'per-profile')
  t.equal(profile.commonBucket, KFP_CLUSTER['pipeline-install-config/bucketName'])
})

t.test('seaweedfs: over KFP the hook leaves KFP’s IAM server for ours', async (t) => {
  const objects = await overKfp(t, 'seaweedfs', 'seaweedfs/over-kubeflow-pipelines')
  const environment = environmentOf(objects, { ...SECRETS, ...KFP_CLUSTER })
  const { profile } = loadConfig(environment)
  t.equal(profile.layout, 'shared', 'the layout stays')
  const { AWS_ENDPOINT_URL_S3, FILER_GRPC_ADDRESS } = environment
  for (const url of [String(AWS_ENDPOINT_URL_S3), `grpc://${FILER_GRPC_ADDRESS}`]) {
    const { hostname, port } = new URL(url)
    const [service = ''] = hostname.split('.')
    const { spec } = find<{ spec: { ports: { port: number }[] } }>(objects, 'Service', service)
    t.ok(
      spec.ports.some((one) => one.port === Number(port)),
      `${url} is a port of a Service`
    )
  }
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy')
  t.notMatch(JSON.stringify(policies), '8111')
})

t.test('metacontroller-4.11: no token on either side, for either controller', async (t) => {
  for (const others of [[], ['composite']]) {
    const objects = await overKfp(t, ...others, 'metacontroller-4.11')
    const { server } = loadConfig(environmentOf(objects, SECRETS_WITHOUT_TOKEN))
    t.equal(server.hookAuth, 'none')
    const controllers = objects.filter(({ kind }) => kind.endsWith('Controller')) as Controller[]
    const webhooks = controllers.flatMap(({ spec }) => Object.values(spec.hooks))
    t.equal(webhooks.length, 2, 'the hooks of one controller')
    for (const { webhook } of webhooks) t.equal(webhook.authorization, undefined)
    t.ok(find(objects, 'NetworkPolicy', NAME), 'which is all that is left')
  }
})

t.test('seaweedfs-4.34: KFP’s store raised, with the port that profiles are told', async (t) => {
  const objects = await renderOwn(
    t,
    'resources: [kfp.json]\ncomponents: [<kustomize>/components/seaweedfs-4.34]',
    { 'kfp.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: installedKfp() }) }
  )
  const [container] = find(objects, 'Deployment', 'seaweedfs').spec.template.spec.containers
  t.equal(container.image, 'ghcr.io/chrislusf/seaweedfs:4.34')
  const { spec } = find<{ spec: { ports: object[] } }>(objects, 'Service', 'seaweedfs')
  t.match(spec.ports, [{ port: 9000, targetPort: 8333 }, { port: 8333 }])
})

t.test('istio: adds its own objects only', async (t) => {
  const plain = await overKfp(t)
  const meshed = await overKfp(t, 'istio')
  const added = meshed.filter(({ kind }) => !plain.some((object) => object.kind === kind))
  t.same(added.map(({ kind }) => kind).sort(), ['AuthorizationPolicy', 'PeerAuthentication'])
  t.equal(meshed.length, plain.length + added.length)
})

t.test('monitoring', async (t) => {
  const objects = await overKfp(t, 'monitoring')
  const { groups } = find<PrometheusRule>(objects, 'PrometheusRule', NAME).spec
  const rules = groups.flatMap(({ rules }) => rules)

  t.test('asks for metrics that there are', async (t) => {
    const { registry } = buildMetrics()
    const known = registry.getMetricsAsArray().map(({ name }) => name)
    const suffixed = known.flatMap((name) => [name, `${name}_count`, `${name}_bucket`])
    for (const { alert, expr } of rules) {
      const asked = expr.match(/s3p_[a-z_]+/g) ?? []
      t.not(asked.length, 0, alert)
      for (const name of asked) t.ok(suffixed.includes(name), `${alert} asks for ${name}`)
    }
  })

  t.test('lets Prometheus in, and nobody to anything but the hook', async (t) => {
    const { spec } = find<Policy>(objects, 'NetworkPolicy', `${NAME}-metrics`)
    t.same(spec.podSelector.matchLabels, { app: NAME })
  })
})

t.test('several together build in any order', async (t) => {
  const names = ['bucket-per-profile', 'metacontroller-4.11', 'composite', 'monitoring', 'istio']
  const there = await overKfp(t, ...names)
  const back = await overKfp(t, ...names.toReversed())
  t.same(sorted(back), sorted(there))
})

function overKfp(t: Test, ...components: string[]): Promise<Rendered[]> {
  const paths = components.map((name) => `<kustomize>/components/${name}`)
  return renderOwn(
    t,
    `resources: [<kustomize>/overlays/kubeflow-pipelines]\ncomponents: [${paths.join(', ')}]\n`
  )
}

function sorted(objects: readonly Rendered[]): string[] {
  return objects.map((object) => JSON.stringify(object)).sort()
}
