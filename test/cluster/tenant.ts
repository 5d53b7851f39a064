import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { s3Client } from '../fixtures/cluster-view.ts'
import type { KubernetesObject } from './kubernetes.ts'
import type { Controller, Platform } from './platform.ts'
import { until } from './until.ts'

export const SECRET = 'mlpipeline-minio-artifact'
/** Metacontroller makes some ten calls for each Profile that goes, five a second for all of them. */
const LEAVE_PATIENCE_MS = 300_000

export const LABEL_PREFIX = 'pipelines.kubeflow.org'

/** One team: what Kubeflow's own profile controller does for it, and what its members see and do. */
export interface Tenant {
  readonly name: string
  readonly secretPath: string
  configMapPath(name: string): string
  /** The Profile, then its Namespace. */
  arrive(): Promise<void>
  /** The Profile goes; resolves when the garbage collection has taken the Namespace, too. */
  leave(): Promise<void>
  /** The object that our controller watches: the Namespace or the Profile. */
  parent(): Promise<KubernetesObject>
  /** Annotations without their prefix; `null` takes one away. */
  annotate(annotations: Record<string, string | null>): Promise<void>
  label(labels: Record<string, string | null>): Promise<void>
  secret(): Promise<KubernetesObject | undefined>
  /** Resolves when the Secret is there, the parent says so, and no other key is left. */
  untilSettled(): Promise<KubernetesObject>
  /** With what the Secret holds now, where kfp-launcher points to; undefined before both are there. */
  client(): Promise<TenantClient | undefined>
}

export interface TenantClient {
  readonly accessKeyId: string
  readonly bucket: string
  put(name: string): Promise<unknown>
  get(name: string): Promise<string | undefined>
}

export function tenantOf(
  { kubernetes, seaweedFs }: Platform,
  controller: Controller,
  name: string
): Tenant {
  const namespacePath = `/api/v1/namespaces/${name}`
  const profilePath = `${PROFILES}/${name}`
  const parentPath = controller === 'composite' ? profilePath : namespacePath
  const secretPath = `${namespacePath}/secrets/${SECRET}`
  const configMapPath = (configMap: string) => `${namespacePath}/configmaps/${configMap}`

  async function parent() {
    const object = await kubernetes.get(parentPath)
    if (object === undefined) throw new Error(`There is no ${parentPath}`)
    return object
  }

  async function change(metadata: object) {
    await kubernetes.patch(parentPath, { metadata })
  }

  return {
    name,
    secretPath,
    configMapPath,
    parent,
    async arrive() {
      const profile = await kubernetes.create(PROFILES, profileOf(name))
      await kubernetes.create('/api/v1/namespaces', namespaceOf(profile))
    },
    async leave() {
      await kubernetes.remove(profilePath)
      const isGone = async () => !(await kubernetes.get(namespacePath))
      await until(`Namespace ${name} is gone`, isGone, LEAVE_PATIENCE_MS)
    },
    annotate: (annotations) => change({ annotations: prefixed(annotations) }),
    label: (labels) => change({ labels: prefixed(labels) }),
    secret: () => kubernetes.get(secretPath),
    untilSettled: () =>
      until(`${name} is settled`, async () => {
        const secret = await kubernetes.get(secretPath)
        const state = secret?.metadata.annotations?.[`${LABEL_PREFIX}/credentials-state`]
        return state === 'settled' && isReady(await parent()) && secret
      }),
    async client() {
      const secret = await kubernetes.get(secretPath)
      if (secret === undefined) return undefined
      const launcher = await kubernetes.get(configMapPath('kfp-launcher'))
      const root = launcher?.data?.['defaultPipelineRoot']
      return root === undefined ? undefined : clientOf(seaweedFs.s3Endpoint, secret, root)
    }
  }
}

const PROFILES = '/apis/kubeflow.org/v1/profiles'

function profileOf(name: string): KubernetesObject {
  const owner = { kind: 'User', name: `${name}@example.com` }
  return { apiVersion: 'kubeflow.org/v1', kind: 'Profile', metadata: { name }, spec: { owner } }
}

/** As Kubeflow's profile controller makes it. */
function namespaceOf({ metadata: { name, uid } }: KubernetesObject): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: {
        'app.kubernetes.io/part-of': 'kubeflow-profile',
        [`${LABEL_PREFIX}/enabled`]: 'true'
      },
      annotations: { owner: `${name}@example.com` },
      ownerReferences: [
        {
          apiVersion: 'kubeflow.org/v1',
          kind: 'Profile',
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true
        }
      ]
    }
  }
}

function prefixed(values: Record<string, string | null>): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${LABEL_PREFIX}/${name}`, value])
  )
}

/** In the words of either controller. */
function isReady({ metadata, status }: KubernetesObject): boolean {
  if (metadata.annotations?.[`${LABEL_PREFIX}/object-storage`] === 'ready') return true
  const { conditions = [] } = (status ?? {}) as { conditions?: Condition[] }
  return conditions.some(({ type, status }) => type === 'ObjectStorageReady' && status === 'True')
}

interface Condition {
  readonly type: string
  readonly status: string
}

function clientOf(endpoint: string, secret: KubernetesObject, root: string): TenantClient {
  const { host: bucket, pathname } = new URL(root)
  const text = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString()
  const accessKeyId = text('accesskey')
  const client: S3Client = s3Client(endpoint, { accessKeyId, secretAccessKey: text('secretkey') })
  const object = (name: string) => ({ Bucket: bucket, Key: `${pathname.slice(1)}/${name}` })
  return {
    accessKeyId,
    bucket,
    put: (name) => client.send(new PutObjectCommand({ ...object(name), Body: name })),
    // Read to the end: a body left unread keeps its connection busy.
    async get(name) {
      const { Body } = await client.send(new GetObjectCommand(object(name)))
      return Body?.transformToString()
    }
  }
}
