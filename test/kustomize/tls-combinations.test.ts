import t from 'tap'
import { find, type Rendered, renderOwn, type Workload } from './rendered.ts'

interface Service {
  readonly spec: { readonly ports: { readonly name: string }[] }
}

const PARTS = { Deployment: true, StatefulSet: true }

interface PodMonitor {
  readonly spec: { readonly podMetricsEndpoints: object[] }
}

/** The rest is tls' own; platform-tls.test.ts runs it. */
const under = (...components: string[]) =>
  `resources: [<kustomize>/overlays/standalone]\ncomponents: [${[...components, 'tls']
    .map((name) => `<kustomize>/components/${name}`)
    .join(', ')}]`

t.test('every part of SeaweedFS has a certificate for the gRPC of the others', async (t) => {
  for (const components of [['remote-gateway'], ['remote-gateway', 'high-availability']]) {
    const workloads = (await renderOwn(t, under(...components))).filter(
      ({ kind, metadata }) => kind in PARTS && metadata.name.startsWith('seaweedfs')
    ) as Workload[]
    t.ok(workloads.length >= 4, `${workloads.map(({ metadata }) => metadata.name)}`)
    for (const { metadata, spec } of workloads) {
      for (const { envFrom, volumeMounts } of spec.template.spec.containers) {
        t.match(envFrom, [{ configMapRef: { name: /^seaweedfs-grpc-tls-/ } }], metadata.name)
        t.match(JSON.stringify(volumeMounts), '"/etc/seaweedfs-tls"', metadata.name)
      }
    }
  }
})

t.test('a mesh is not told that there is HTTP where there is TLS', async (t) => {
  const objects = await renderOwn(t, under('minio-service'))
  t.same(portsOf(objects, 'seaweedfs'), ['https-s3-compat', 'https-s3'])
  t.same(portsOf(objects, 'minio-service'), ['https-s3'])
  const internal = portsOf(objects, 'seaweedfs-internal')
  t.notOk(
    internal.some((name) => name.startsWith('https')),
    'whose HTTP stays plain'
  )
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
