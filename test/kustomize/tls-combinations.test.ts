import t from 'tap'
import { find, type Rendered, renderOwn } from './rendered.ts'

interface Service {
  readonly spec: { readonly ports: { readonly name: string }[] }
}

interface PodMonitor {
  readonly spec: { readonly podMetricsEndpoints: object[] }
}

/** The rest is tls' own; platform-tls.test.ts runs it. */
const under = (...components: string[]) =>
  `resources: [<kustomize>/overlays/standalone]\ncomponents: [${[...components, 'tls']
    .map((name) => `<kustomize>/components/${name}`)
    .join(', ')}]`

t.test('with high-availability the one who writes identities speaks TLS, too', async (t) => {
  const objects = await renderOwn(t, under('high-availability'))
  for (const name of ['seaweedfs', 'seaweedfs-identity-writer']) {
    const [gateway] = find(objects, 'Deployment', name).spec.template.spec.containers
    t.ok(gateway.args?.includes('-cert.file=/etc/seaweedfs-tls/tls.crt'), name)
    const address = gateway.env?.find(({ name }) => name === 'S3_URL')
    t.equal(address?.value, 'https://127.0.0.1:8333', 'as the probes call it')
  }
  t.same(portsOf(objects, 'seaweedfs-internal'), ['https-s3'])
})

t.test('a mesh is not told that there is HTTP where there is TLS', async (t) => {
  const objects = await renderOwn(t, under('minio-service'))
  t.same(portsOf(objects, 'seaweedfs'), ['https-s3-compat', 'https-s3'])
  t.same(portsOf(objects, 'minio-service'), ['https-s3'])
  const [s3, ...others] = portsOf(objects, 'seaweedfs-internal')
  t.equal(s3, 'https-s3')
  t.notOk(others.some((name) => name.startsWith('https')))
})

t.test('Prometheus calls the hook over TLS', async (t) => {
  const objects = await renderOwn(t, under('monitoring'))
  const name = 'kubeflow-pipelines-profile-controller'
  const { spec } = find<PodMonitor>(objects, 'PodMonitor', name)
  t.match(spec.podMetricsEndpoints, [
    {
      scheme: 'https',
      tlsConfig: {
        ca: { secret: { name: 's3-profile-controller-tls', key: 'ca.crt' } },
        serverName: `${name}.kubeflow.svc`
      }
    }
  ])
})

function portsOf(objects: readonly Rendered[], name: string): string[] {
  return find<Service>(objects, 'Service', name).spec.ports.map(({ name }) => name)
}
