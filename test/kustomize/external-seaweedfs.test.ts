import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config.ts'
import { environmentOf, find, KUSTOMIZE, type Rendered, renderOwn, SECRETS } from './rendered.ts'

const MANIFESTS = `
resources:
  - <kustomize>/base
components:
  - <kustomize>/components/external-seaweedfs
`

interface ChartValues {
  readonly filer: { s3: { enabled: boolean; port: number }; extraArgs: string[] }
  readonly s3: { enabled: boolean; port: number; extraArgs: string[] }
}

t.test('the hook and the chart agree on ports, and on who writes identities', async (t) => {
  const objects = await renderOwn(t, MANIFESTS)
  const { store } = loadConfig(environmentOf(objects, SECRETS))
  const s3 = new URL(store.s3Endpoint)
  const iam = new URL(String(store.iamEndpoint))
  const values: ChartValues = parse(
    readFileSync(join(KUSTOMIZE, 'components/external-seaweedfs/chart-values.yaml'), 'utf8')
  )
  t.ok(values.s3.enabled && values.filer.s3.enabled)
  t.equal(s3.port, `${values.s3.port}`)
  t.equal(iam.port, `${values.filer.s3.port}`)
  t.ok(values.s3.extraArgs.includes('-iam=false'))
  t.ok(values.filer.extraArgs.includes('-s3.iam.readOnly=false'))

  const service = find<Rendered & { spec: object }>(objects, 'Service', 'seaweedfs')
  t.match(service.spec, {
    type: 'ExternalName',
    externalName: 'seaweedfs-s3.seaweedfs.svc.cluster.local'
  })
  t.equal(s3.hostname, 'seaweedfs.kubeflow')
  t.equal(iam.hostname, 'seaweedfs-filer-0.seaweedfs-filer.seaweedfs')
  const name = 'kubeflow-pipelines-profile-controller-to-external-seaweedfs'
  const { spec } = find<Rendered & { spec: object }>(objects, 'NetworkPolicy', name)
  t.match(spec, {
    egress: [{ ports: [{ port: Number(s3.port) }, { port: Number(iam.port) }] }]
  })
})
