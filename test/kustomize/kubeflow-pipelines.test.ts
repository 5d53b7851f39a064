import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config.ts'
import { installedKfp, KFP_CLUSTER } from './installed-kfp.ts'
import {
  environmentOf,
  find,
  hookOf,
  type Rendered,
  render,
  renderOwn,
  SECRETS,
  type Variable
} from './rendered.ts'

const NAME = 'kubeflow-pipelines-profile-controller'

/** What KFP's API server and UI call, and what cannot be changed on an object that is there. */
const IDENTITY = {
  app: NAME,
  'app.kubernetes.io/component': 'ml-pipeline',
  'app.kubernetes.io/name': 'kubeflow-pipelines',
  'application-crd-id': 'kubeflow-pipelines'
}

/** KFP's own `kubeflow-pipelines-profile-controller-env` is in the component's kustomization only. */
const cluster = { ...SECRETS, ...KFP_CLUSTER }

const COMPONENT = `
components: [<kustomize>/components/kubeflow-pipelines]
`

const KUSTOMIZATION_WITH_KFP = `
resources: [kfp.json]
configMapGenerator:
  - name: ${NAME}-code
    namespace: kubeflow
    literals: [sync.py=pass]
  - name: ${NAME}-env
    namespace: kubeflow
    envs: [params.env]
${COMPONENT}`

/** Of the three kinds that they are: by name of Deployment and container, by place in its list, into the settings. */
const PATCHES_LIKE_CI = `
patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata: { name: ${NAME} }
      spec:
        replicas: 1
        template:
          spec:
            containers:
              - name: profile-controller
                env:
                  - { name: FRONTEND_IMAGE, value: 'registry:5000/frontend' }
                  - { name: FRONTEND_TAG, value: latest }
    target: { kind: Deployment, name: ${NAME} }
  - target: { kind: ConfigMap, name: pipeline-install-config }
    patch: '[{ "op": "add", "path": "/data/ARTIFACTS_PROXY_ENABLED", "value": "true" }]'
  - target: { kind: Deployment, name: ${NAME} }
    patch: |
      - op: add
        path: /spec/template/spec/containers/0/env/-
        value: { name: DISABLE_ISTIO_SIDECAR, value: 'false' }
`

const OWN_SETTINGS = `
resources: [<kustomize>/overlays/kubeflow-pipelines]
configMapGenerator:
  - name: s3-profile-controller-settings
    namespace: kubeflow
    behavior: merge
    literals: [CREDENTIAL_ROTATION_DAYS=90, AUDIT_INTERVAL=10m]
images:
  - name: ghcr.io/kubeflow/s3-profile-controller
    newName: registry.example/s3-profile-controller
    newTag: 1.2.3
`

interface Service {
  readonly spec: { readonly selector: object; readonly ports: object[] }
}

interface Decorator extends Rendered {
  readonly spec: { readonly resources: object[]; readonly attachments: { resource: string }[] }
}

t.test('the overlay', async (t) => {
  const objects = await render('overlays/kubeflow-pipelines')

  t.test('replaces what KFP installed, name by name', async (t) => {
    takesThePlaceOfKfps(t, objects)
  })

  t.test('keeps every object of KFP whose selector cannot be changed', async (t) => {
    const { spec } = find(objects, 'Deployment', NAME)
    t.same(spec.selector.matchLabels, IDENTITY)
    t.match(spec.template.metadata.labels, IDENTITY)
  })

  t.test('brings no Secret, and no object that KFP has but these', async (t) => {
    const kfp = new Set(installedKfp().map(({ kind, metadata }) => `${kind} ${metadata.name}`))
    const both = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    t.same(both.filter((object) => kfp.has(object)).sort(), [
      `DecoratorController ${NAME}`,
      `Deployment ${NAME}`,
      `Service ${NAME}`
    ])
    t.notOk(objects.some(({ kind }) => kind === 'Secret'))
  })

  t.test('speaks to the store of KFP, in the bucket that KFP is set to', async (t) => {
    const { store, profile } = loadConfig(environmentOf(objects, cluster))
    t.equal(store.s3Endpoint, 'http://seaweedfs.kubeflow:8333')
    t.equal(store.iamEndpoint, 'http://seaweedfs.kubeflow:8111')
    t.equal(profile.layout, 'shared')
    t.equal(profile.topLevelBrowse, false)
    t.equal(profile.commonBucket, KFP_CLUSTER['pipeline-install-config/bucketName'])
    t.same(profile.retention, { days: 30 })
  })

  t.test('leaves every setting but KFP’s own and the Secrets to the ConfigMap', async (t) => {
    const { env, envFrom = [] } = hookOf(objects)
    const fixed = env.filter(({ valueFrom }) => !valueFrom?.secretKeyRef)
    t.same(fixed.map(({ name }) => name).sort(), [
      'ARTIFACTS_PROXY_ENABLED',
      'ARTIFACT_RETENTION_DAYS',
      'BUCKET_NAME',
      'KFP_VERSION'
    ])
    for (const { valueFrom } of fixed) {
      t.match(valueFrom, { configMapKeyRef: { name: 'pipeline-install-config', optional: true } })
    }
    t.match(envFrom.at(-1)?.configMapRef.name, /^s3-profile-controller-settings/, 'which wins')
  })

  t.test('takes settings and the image from a kustomization of somebody’s own', async (t) => {
    const changed = await renderOwn(t, OWN_SETTINGS)
    const { profile, auditIntervalMs } = loadConfig(environmentOf(changed, cluster))
    t.equal(profile.rotationSeconds, 90 * 86_400)
    t.equal(profile.layout, 'shared', 'and the others stay')
    t.equal(auditIntervalMs, 600_000)
    t.equal(hookOf(changed).image, 'registry.example/s3-profile-controller:1.2.3')
    t.not(hookOf(changed).envFrom?.at(-1), hookOf(objects).envFrom?.at(-1))
  })

  t.test('starts where KFP lacks the settings that came later', async (t) => {
    t.equal(loadConfig(environmentOf(objects, SECRETS)).profile.retention, 'keep')
  })

  t.test('gives the artifact proxy the version of KFP', async (t) => {
    const proxied = { ...cluster, 'pipeline-install-config/ARTIFACTS_PROXY_ENABLED': 'true' }
    const { profile } = loadConfig(environmentOf(objects, proxied))
    t.match(profile.artifactProxy, { image: /kfp-frontend:2\.17\.0$/ })
  })

  t.test('wins over variables that an apply of the other kind leaves behind', async (t) => {
    const { store } = loadConfig({
      ...environmentOf(objects, cluster),
      AWS_ENDPOINT_URL: 'http://left.behind:1',
      S3_ENDPOINT_URL: 'http://left.behind:2',
      KFP_DEFAULT_PIPELINE_ROOT: 'minio://left/behind'
    })
    t.equal(store.iamEndpoint, 'http://seaweedfs.kubeflow:8111')
    t.equal(store.s3Endpoint, 'http://seaweedfs.kubeflow:8333')
  })

  t.test('opens the IAM server to the hook, which KFP before 2.18 keeps shut', async (t) => {
    const policy = find<{ spec: object }>(
      objects,
      'NetworkPolicy',
      'seaweedfs-from-profile-controller'
    )
    t.match(policy.spec, {
      podSelector: { matchLabels: { app: 'seaweedfs' } },
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { app: NAME } } }],
          ports: [{ port: 8333 }, { port: 8111 }]
        }
      ]
    })
  })
})

t.test('the component on top of KFP’s own kustomization', async (t) => {
  const kfp = { 'kfp.json': listOf(installedKfp()), 'params.env': 'DISABLE_ISTIO_SIDECAR=true\n' }
  const objects = await renderOwn(t, KUSTOMIZATION_WITH_KFP, kfp)

  t.test('replaces what KFP installs, name by name', async (t) => {
    takesThePlaceOfKfps(t, objects)
  })

  t.test('takes the program away and leaves the rest of KFP', async (t) => {
    const names = objects.map(({ metadata }) => metadata.name)
    t.notOk(names.some((name) => name.startsWith(`${NAME}-code`)))
    t.ok(find(objects, 'ConfigMap', 'pipeline-install-config'))
    t.ok(find(objects, 'Deployment', 'seaweedfs'))
  })

  t.test('reads what KFP’s params.env says', async (t) => {
    const { DISABLE_ISTIO_SIDECAR } = environmentOf(objects, cluster)
    t.equal(DISABLE_ISTIO_SIDECAR, 'true')
  })

  t.test('takes the patches that KFP’s own CI makes', async (t) => {
    const patched = await renderOwn(t, `${KUSTOMIZATION_WITH_KFP}${PATCHES_LIKE_CI}`, kfp)
    const { env } = hookOf(patched)
    t.equal(variableIn(env, 'FRONTEND_TAG'), 'latest')
    t.equal(variableIn(env, 'DISABLE_ISTIO_SIDECAR'), 'false')
    t.equal(find(patched, 'Deployment', NAME).spec.replicas, 1)
    const { profile } = loadConfig(environmentOf(patched, SECRETS))
    t.match(profile.artifactProxy, { image: 'registry:5000/frontend:latest' })
  })
})

const skip = process.env['KFP_MANIFESTS']
  ? false
  : 'KFP_MANIFESTS names no manifests/kustomize of KFP'
t.test('KFP’s own manifests', { skip }, async (t) => {
  const kfp = `
namespace: kubeflow
resources:
  - <kfp>/base/installs/multi-user
  - <kfp>/third-party/metacontroller/base
  - <kfp>/third-party/seaweedfs/istio
`
  const own = await renderOwn(t, kfp)
  const replaced = await renderOwn(t, `${kfp}${COMPONENT}`)

  t.test('name what the overlay replaces', async (t) => {
    t.match(find(own, 'Deployment', NAME).spec.selector.matchLabels, {
      app: NAME,
      'app.kubernetes.io/component': 'ml-pipeline',
      'app.kubernetes.io/name': 'kubeflow-pipelines'
    })
    t.ok(find(own, 'Service', NAME))
    t.ok(find(own, 'DecoratorController', NAME))
    t.equal(hookOf(own).name, 'profile-controller')
  })

  t.test('are otherwise left as they are by the component', async (t) => {
    takesThePlaceOfKfps(t, replaced)
    const others = own.filter(({ metadata }) => !metadata.name.startsWith(NAME))
    for (const object of others) {
      t.same(find(replaced, object.kind, object.metadata.name), object, object.metadata.name)
    }
  })

  t.test('start the hook', async (t) => {
    t.ok(loadConfig(environmentOf(replaced, SECRETS)))
  })

  t.test('take the patches that KFP’s own CI makes', async (t) => {
    const patched = await renderOwn(t, `${kfp}${COMPONENT}${PATCHES_LIKE_CI}`)
    t.equal(variableIn(hookOf(patched).env, 'FRONTEND_TAG'), 'latest')
  })
})

function takesThePlaceOfKfps(t: Test, objects: readonly Rendered[]): void {
  const { spec } = find(objects, 'Deployment', NAME)
  const hook = hookOf(objects)
  t.equal(hook.name, 'profile-controller')
  t.match(hook.image, /s3-profile-controller:/)
  t.same(hook.command, ['node', 'dist/main.js'])
  t.equal(spec.template.spec.volumes, undefined)
  t.match(spec.template.metadata.labels, spec.selector.matchLabels)
  const service = find<Service>(objects, 'Service', NAME)
  t.match(service.spec.ports, [{ name: 'http', port: 80, targetPort: 8080 }])
  t.match(spec.template.metadata.labels, service.spec.selector)
  const decorator = find<Decorator>(objects, 'DecoratorController', NAME)
  t.same(
    decorator.spec.attachments.map(({ resource }) => resource),
    ['secrets', 'configmaps', 'deployments', 'services']
  )
  t.notOk(objects.some(({ kind }) => kind === 'CompositeController'))
}

function variableIn(env: readonly Variable[], name: string): string | undefined {
  return env.find((variable) => variable.name === name)?.value
}

function listOf(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}
