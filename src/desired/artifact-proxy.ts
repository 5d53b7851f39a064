import { createHash } from 'node:crypto'
import type { ProfileSettings } from '../config.ts'
import { CREDENTIALS_SECRET } from '../profile.ts'
import type { Attachment } from './attachments.ts'
import type { AccessKey } from './credentials.ts'
import { PROXY_TLS } from './store-tls.ts'

const NAME = 'ml-pipeline-ui-artifact'

/**
 * The optional per-namespace artifact fetcher of KFP's UI. Admitted under Pod Security `restricted`, and
 * restarted when the image or the key changes, because it reads the key from its environment.
 */
export function artifactProxyFor(
  namespace: string,
  key: AccessKey,
  settings: ProfileSettings
): Attachment[] {
  const { artifactProxy: proxy, storeCa } = settings
  if (proxy === 'off') return []
  const labels = { app: NAME }
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME, namespace, labels },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: {
            labels,
            annotations: {
              ...(proxy.disableIstioSidecar && { 'sidecar.istio.io/inject': 'false' }),
              'kubeflow-pipelines/image-spec-hash': shortHash(proxy.image),
              'pipelines.kubeflow.org/access-key-id': key.accessKeyId
            }
          },
          spec: {
            containers: [proxyContainer(namespace, settings, proxy.image)],
            ...(storeCa !== undefined && { volumes: PROXY_TLS.volumes }),
            securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
            serviceAccountName: 'default-editor'
          }
        }
      }
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace, labels },
      spec: {
        // Istio reads the protocol from the port's name.
        ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 3000 }],
        selector: labels
      }
    }
  ]
}

function proxyContainer(
  namespace: string,
  { serviceDomain, storeCa }: ProfileSettings,
  image: string
) {
  return {
    name: NAME,
    image,
    imagePullPolicy: 'IfNotPresent',
    ports: [{ containerPort: 3000 }],
    env: [
      fromSecret('MINIO_ACCESS_KEY', 'accesskey'),
      fromSecret('MINIO_SECRET_KEY', 'secretkey'),
      { name: 'ML_PIPELINE_SERVICE_HOST', value: `ml-pipeline.kubeflow${serviceDomain}` },
      { name: 'ML_PIPELINE_SERVICE_PORT', value: '8888' },
      { name: 'FRONTEND_SERVER_NAMESPACE', value: namespace },
      { name: 'CLUSTER_DOMAIN', value: serviceDomain },
      ...(storeCa === undefined ? [] : PROXY_TLS.env)
    ],
    ...(storeCa !== undefined && { volumeMounts: PROXY_TLS.volumeMounts }),
    resources: {
      requests: { cpu: '10m', memory: '70Mi' },
      limits: { cpu: '100m', memory: '500Mi' }
    },
    // The image's own user is root; KFP runs the same image as 1000:0 in its own UI.
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsGroup: 0,
      runAsUser: 1000
    }
  }
}

function fromSecret(name: string, key: string) {
  return { name, valueFrom: { secretKeyRef: { key, name: CREDENTIALS_SECRET } } }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
