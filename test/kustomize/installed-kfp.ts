const NAME = 'kubeflow-pipelines-profile-controller'
const LABELS = {
  app: NAME,
  'app.kubernetes.io/component': 'ml-pipeline',
  'app.kubernetes.io/name': 'kubeflow-pipelines',
  'application-crd-id': 'kubeflow-pipelines'
}
/** As Pod Security wants it where Kubeflow enforces it. */
const RESTRICTED = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' }
}
const BUCKET = 'team-artifacts'

/** What is read of KFP's ConfigMaps, as `<name>/<key>`. */
export const KFP_CLUSTER = {
  'pipeline-install-config/appVersion': '2.17.0',
  'pipeline-install-config/bucketName': BUCKET,
  'pipeline-install-config/ARTIFACT_RETENTION_DAYS': '30'
}

/** As much of multi-user KFP 2.17 as an installation over it can collide with, in words of our own. */
export function installedKfp() {
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'pipeline-install-config', namespace: 'kubeflow' },
      data: { appVersion: '2.17.0', bucketName: BUCKET, ARTIFACT_RETENTION_DAYS: '30' }
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, namespace: 'kubeflow', labels: LABELS },
      spec: { selector: LABELS, ports: [{ name: 'http', port: 80, targetPort: 8080 }] }
    },
    profileController(),
    {
      apiVersion: 'metacontroller.k8s.io/v1alpha1',
      kind: 'DecoratorController',
      metadata: { name: NAME, namespace: 'kubeflow', labels: LABELS },
      spec: {
        resources: [{ apiVersion: 'v1', resource: 'namespaces' }],
        attachments: [{ apiVersion: 'networking.istio.io/v1alpha3', resource: 'destinationrules' }],
        hooks: { sync: { webhook: { url: `http://${NAME}/sync` } } }
      }
    },
    store(),
    storeService()
  ]
}

function profileController() {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace: 'kubeflow', labels: LABELS },
    spec: {
      replicas: 1,
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: { ...LABELS, 'sidecar.istio.io/inject': 'false' } },
        spec: {
          containers: [
            {
              name: 'profile-controller',
              image: 'python:3',
              securityContext: RESTRICTED,
              command: ['python', '/hooks/sync.py'],
              envFrom: [{ configMapRef: { name: `${NAME}-env` } }],
              env: [{ name: 'AWS_ENDPOINT_URL', value: 'http://seaweedfs.kubeflow:8111' }],
              volumeMounts: [{ name: 'hooks', mountPath: '/hooks' }]
            }
          ],
          volumes: [{ name: 'hooks', configMap: { name: `${NAME}-code` } }]
        }
      }
    }
  }
}

function store() {
  const labels = { app: 'seaweedfs', 'application-crd-id': 'kubeflow-pipelines' }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'seaweedfs', namespace: 'kubeflow', labels },
    spec: {
      selector: { matchLabels: { app: 'seaweedfs' } },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: 'seaweedfs', image: 'chrislusf/seaweedfs:4.00', securityContext: RESTRICTED }
          ]
        }
      }
    }
  }
}

/** Of KFP 2.15, which lacks a port that later ones have. */
function storeService() {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'seaweedfs', namespace: 'kubeflow' },
    spec: {
      selector: { app: 'seaweedfs' },
      ports: [{ name: 'http-s3', port: 8333, targetPort: 8333 }]
    }
  }
}
