import t from 'tap'
import { type Attachment, attachmentsFor, timeText } from '../../src/desired/attachments.ts'
import { accessKeyFor, sealFor } from '../../src/desired/credentials.ts'
import { planFor } from '../../src/desired/plan.ts'
import { config, profile, recording } from '../fixtures/builders.ts'

const PROXY = { ARTIFACTS_PROXY_ENABLED: 'true', FRONTEND_TAG: '2.17.0' }
/** 2027-01-15T08:00:00Z */
const ISSUED_AT = 1_800_000_000
const SHARED = { BUCKET_LAYOUT: 'shared' }
const CA = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----'
const TLS = { AWS_ENDPOINT_URL_S3: 'https://store.invalid:9000', OBJECT_STORE_CA: CA }

/** The attachments of a profile, with the key of an epoch. */
function attachments(
  overrides: Record<string, string> = {},
  { namespace = 'team-old', epoch = 0, isSettled = true } = {}
) {
  const { profile: settings } = config(overrides)
  const plan = planFor(profile({ namespace }), settings)
  const key = accessKeyFor(settings.rootKey, plan.user, epoch)
  const state = isSettled ? 'settled' : 'settling'
  const seal = sealFor(settings.rootKey, key.accessKeyId, plan.policy.name, state)
  const issued = { key, issuedAt: ISSUED_AT, isSettled }
  return { plan, key, seal, all: attachmentsFor(plan, issued, settings) }
}

function find(all: readonly Attachment[], kind: string, name: string): Attachment {
  const found = all.find((object) => object.kind === kind && object.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found
}

/** The attachments with the one value in them that is JSON as what it means. */
function byValue(all: readonly Attachment[]) {
  return all.map((object) => {
    const repository = object.data?.['default-namespaced']
    if (repository === undefined) return object
    return { ...object, data: { 'default-namespaced': JSON.parse(repository) } }
  })
}

/** Every way to a value inside a document, with the value. */
function leaves(value: unknown, path = ''): [path: string, value: unknown][] {
  if (typeof value !== 'object' || value === null) return [[path, value]]
  const entries = Object.entries(value)
  if (entries.length === 0) return [[path, value]]
  return entries.flatMap(([key, item]) => leaves(item, `${path}/${key}`))
}

t.test('attachmentsFor', async (t) => {
  t.test('answers what sync.py answers, but for the intended differences', async (t) => {
    const { response } = recording('decorator/syncpy-first-sync').calls[0] ?? {}
    const [secret, launcher, metadata, repositories, deployment, service] = response.attachments
    const { key, seal, all } = attachments({ ...SHARED, ...PROXY })
    const [base64Id, base64Secret] = [key.accessKeyId, key.secretAccessKey].map((text) =>
      Buffer.from(text).toString('base64')
    )

    // The key is ours and sealed; notebooks, KServe and TensorBoard read it from the same Secret.
    secret.type = 'Opaque'
    secret.metadata.annotations = {
      'pipelines.kubeflow.org/credentials-seal': seal,
      'pipelines.kubeflow.org/credentials-issued-at': '2027-01-15T08:00:00Z',
      'pipelines.kubeflow.org/credentials-state': 'settled',
      'serving.kserve.io/s3-endpoint': 'seaweedfs.kubeflow.svc.cluster.local:9000',
      'serving.kserve.io/s3-region': 'us-east-1',
      'serving.kserve.io/s3-usehttps': '0',
      'serving.kserve.io/s3-usevirtualbucket': 'false'
    }
    secret.data = {
      accesskey: base64Id,
      secretkey: base64Secret,
      AWS_ACCESS_KEY_ID: base64Id,
      AWS_SECRET_ACCESS_KEY: base64Secret
    }
    // The proxy is restarted when the key changes, and admitted under Pod Security `restricted`.
    const { template } = deployment.spec
    template.metadata.annotations['pipelines.kubeflow.org/access-key-id'] = key.accessKeyId
    template.spec.securityContext = {
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' }
    }
    template.spec.containers[0].securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsGroup: 0,
      runAsUser: 1000
    }

    const expected = [secret, launcher, metadata, repositories, deployment, service]
    t.strictSame(byValue(all), byValue(expected))
  })

  t.test('points at the profile’s own bucket in the per-profile layout', async (t) => {
    const { plan, all } = attachments()
    t.match(plan.bucket, /^profile-team-old-[0-9a-f]{8}$/)
    const launcher = find(all, 'ConfigMap', 'kfp-launcher')
    t.strictSame(launcher.data, {
      defaultPipelineRoot: `minio://${plan.bucket}/private-artifacts/team-old/v2/artifacts`,
      clusterDomain: '.svc.cluster.local'
    })
    const repositories = find(all, 'ConfigMap', 'artifact-repositories')
    const { s3 } = JSON.parse(repositories.data?.['default-namespaced'] ?? '{}')
    t.equal(s3.bucket, plan.bucket)
    t.match(s3.keyFormat, /^private-artifacts\/team-old\/{{workflow.name}}\//)
  })

  t.test('differs between the layouts in the bucket and the seal alone', async (t) => {
    const [own, shared] = [attachments(PROXY), attachments({ ...PROXY, ...SHARED })]
    const renamed = JSON.stringify(own.all)
      .replaceAll(own.plan.bucket, 'mlpipeline')
      .replaceAll(own.seal, shared.seal)
    t.equal(renamed, JSON.stringify(shared.all))
  })

  t.test('seals the key under the policy of the plan, in the Secret alone', async (t) => {
    const sealOf = ({ all }: { all: readonly Attachment[] }) =>
      find(all, 'Secret', 'mlpipeline-minio-artifact').metadata.annotations?.[
        'pipelines.kubeflow.org/credentials-seal'
      ]
    const variants = [
      attachments(),
      attachments(SHARED),
      attachments({}, { epoch: 1_700_000_000 }),
      attachments({}, { isSettled: false }),
      attachments({}, { namespace: 'team-new' }),
      attachments({ CREDENTIAL_ROOT_KEY: 'another-root-key-of-32-bytes-or-more' })
    ]
    for (const variant of variants) t.equal(sealOf(variant), variant.seal)
    t.equal(new Set(variants.map(sealOf)).size, variants.length)
    const { seal, all } = attachments(PROXY)
    t.equal(JSON.stringify(all).split(seal).length, 2)
  })

  t.test('says of a key that others are left beside it, in the Secret alone', async (t) => {
    const [settled, settling] = [attachments(PROXY), attachments(PROXY, { isSettled: false })]
    t.equal(
      JSON.stringify(settled.all)
        .replace(settled.seal, settling.seal)
        .replace('"settled"', '"settling"'),
      JSON.stringify(settling.all)
    )
  })

  t.test('leaves the artifact proxy out unless it is wanted', async (t) => {
    const names = ({ all }: { all: readonly Attachment[] }) =>
      all.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`)
    const always = [
      'v1 Secret mlpipeline-minio-artifact',
      'v1 ConfigMap kfp-launcher',
      'v1 ConfigMap metadata-grpc-configmap',
      'v1 ConfigMap artifact-repositories'
    ]
    t.strictSame(names(attachments()), always)
    t.strictSame(names(attachments(PROXY)), [
      ...always,
      'apps/v1 Deployment ml-pipeline-ui-artifact',
      'v1 Service ml-pipeline-ui-artifact'
    ])
  })

  t.test('takes cluster, store and region from the settings', async (t) => {
    const { all } = attachments({
      ...PROXY,
      CLUSTER_DOMAIN: 'k8s.corp',
      OBJECT_STORE_HOST: 'minio-service',
      AWS_REGION: 'eu-central-1'
    })
    const address = 'minio-service.kubeflow.svc.k8s.corp:9000'
    const { annotations } = find(all, 'Secret', 'mlpipeline-minio-artifact').metadata
    t.equal(annotations?.['serving.kserve.io/s3-endpoint'], address)
    t.equal(annotations?.['serving.kserve.io/s3-region'], 'eu-central-1')
    t.equal(find(all, 'ConfigMap', 'kfp-launcher').data?.['clusterDomain'], '.svc.k8s.corp')
    const repositories = find(all, 'ConfigMap', 'artifact-repositories').data ?? {}
    t.equal(JSON.parse(repositories['default-namespaced'] ?? '').s3.endpoint, address)
    const text = JSON.stringify(find(all, 'Deployment', 'ml-pipeline-ui-artifact'))
    t.match(text, '"value":"ml-pipeline.kubeflow.svc.k8s.corp"')
    t.match(text, '{"name":"CLUSTER_DOMAIN","value":".svc.k8s.corp"}')
  })

  t.test('tells everybody where the store speaks TLS, and by whose authority', async (t) => {
    const { all } = attachments({ ...PROXY, ...TLS })
    const { metadata, data } = find(all, 'Secret', 'mlpipeline-minio-artifact')
    t.equal(Buffer.from(data?.['ca.crt'] ?? '', 'base64').toString(), CA)

    t.equal(metadata.annotations?.['serving.kserve.io/s3-usehttps'], '1')
    const configMap = metadata.annotations?.['serving.kserve.io/s3-cabundle-configmap'] ?? ''
    t.strictSame(find(all, 'ConfigMap', configMap).data, { 'cabundle.crt': CA })

    const repositories = find(all, 'ConfigMap', 'artifact-repositories').data ?? {}
    const { s3 } = JSON.parse(repositories['default-namespaced'] ?? '')
    t.equal(s3.insecure, false)
    t.strictSame(s3.caSecret, { name: 'mlpipeline-minio-artifact', key: 'ca.crt' })

    const providers = find(all, 'ConfigMap', 'kfp-launcher').data?.['providers'] ?? ''
    t.strictSame(JSON.parse(providers), {
      minio: {
        default: {
          endpoint: 'seaweedfs.kubeflow.svc.cluster.local:9000',
          region: 'us-east-1',
          disableSSL: false,
          forcePathStyle: true,
          maxRetries: 5,
          credentials: {
            fromEnv: false,
            secretRef: {
              secretName: 'mlpipeline-minio-artifact',
              accessKeyKey: 'accesskey',
              secretKeyKey: 'secretkey'
            }
          }
        }
      }
    })
  })

  const variants: [what: string, overrides: Record<string, string>][] = [
    ['per-profile', {}],
    ['shared', SHARED],
    ['over TLS', { ...PROXY, ...TLS }],
    ['with the proxy', PROXY],
    ['with the proxy and without a sidecar', { ...PROXY, DISABLE_ISTIO_SIDECAR: 'true' }]
  ]
  for (const [what, overrides] of variants) {
    t.test(`is stable to the byte (${what})`, async (t) => {
      const [first, second] = [attachments(overrides), attachments(overrides)]
      t.equal(JSON.stringify(second.all), JSON.stringify(first.all))
    })

    t.test(`holds nothing that Kubernetes would drop or refuse (${what})`, async (t) => {
      for (const object of attachments(overrides).all) {
        for (const [path, value] of leaves(object)) {
          const type = typeof value
          t.ok(type === 'string' || type === 'number' || type === 'boolean', `${path} is a scalar`)
          t.not(value, '', `${path} is not empty`)
        }
        for (const text of Object.values(object.data ?? {})) t.type(text, 'string')
      }
    })

    t.test(`gives every object its namespace (${what})`, async (t) => {
      for (const { metadata } of attachments(overrides).all) {
        t.equal(metadata.namespace, 'team-old')
      }
    })

    t.test(`shows the secret in the Secret alone (${what})`, async (t) => {
      const { key, all } = attachments(overrides)
      const base64 = Buffer.from(key.secretAccessKey).toString('base64')
      for (const object of all.filter(({ kind }) => kind !== 'Secret')) {
        const text = JSON.stringify(object)
        t.notOk(text.includes(key.secretAccessKey))
        t.notOk(text.includes(base64))
      }
    })
  }
})

t.test('artifactProxyFor', async (t) => {
  const templateOf = (overrides: Record<string, string>, epoch = 0) => {
    const { all } = attachments({ ...PROXY, ...overrides }, { epoch })
    // biome-ignore lint/suspicious/noExplicitAny: a Deployment's spec as Kubernetes knows it
    const spec = find(all, 'Deployment', 'ml-pipeline-ui-artifact').spec as any
    return spec.template
  }

  t.test('has all that Pod Security `restricted` asks for', async (t) => {
    const { spec } = templateOf({})
    t.equal(spec.securityContext.runAsNonRoot, true)
    t.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault')
    for (const { securityContext } of spec.containers) {
      t.equal(securityContext.allowPrivilegeEscalation, false)
      t.strictSame(securityContext.capabilities, { drop: ['ALL'] })
      t.ok(securityContext.runAsUser > 0)
    }
    for (const field of ['hostNetwork', 'hostPID', 'hostIPC', 'volumes']) t.notOk(field in spec)
  })

  t.test('has a value or a source for each variable, once', async (t) => {
    const { env } = templateOf({}).spec.containers[0]
    const names = env.map(({ name }: { name: string }) => name)
    t.equal(new Set(names).size, names.length)
    for (const { name, value, valueFrom } of env) t.ok(value || valueFrom, name)
  })

  t.test('trusts the authority of a store that speaks TLS', async (t) => {
    const { containers, volumes } = templateOf(TLS).spec
    const [{ env, volumeMounts }] = containers
    const value = (name: string) => env.find((one: { name: string }) => one.name === name)?.value
    t.equal(value('MINIO_SSL'), 'true')
    t.equal(value('NODE_EXTRA_CA_CERTS'), `${volumeMounts[0].mountPath}/ca.crt`)
    t.equal(volumes[0].name, volumeMounts[0].name)
    t.strictSame(volumes[0].secret, {
      secretName: 'mlpipeline-minio-artifact',
      items: [{ key: 'ca.crt', path: 'ca.crt' }]
    })
  })

  t.test('is restarted when the key or the image changes, and only then', async (t) => {
    const text = JSON.stringify(templateOf({}))
    t.equal(JSON.stringify(templateOf({ ARTIFACT_RETENTION_DAYS: '7' })), text)
    const rotated = templateOf({}, 1_700_000_000)
    t.not(JSON.stringify(rotated), text)
    const upgraded = templateOf({ FRONTEND_TAG: '2.18.0' })
    t.equal(upgraded.spec.containers[0].image, 'ghcr.io/kubeflow/kfp-frontend:2.18.0')
    t.not(JSON.stringify(upgraded.metadata), JSON.stringify(templateOf({}).metadata))
  })

  t.test('says whether Istio may inject only when it may not', async (t) => {
    const annotation = 'sidecar.istio.io/inject'
    t.notOk(annotation in templateOf({}).metadata.annotations)
    const { annotations } = templateOf({ DISABLE_ISTIO_SIDECAR: 'true' }).metadata
    t.equal(annotations[annotation], 'false')
  })
})

t.test('timeText', async (t) => {
  t.equal(timeText(ISSUED_AT), '2027-01-15T08:00:00Z')
  t.equal(timeText(0), '1970-01-01T00:00:00Z')
})
