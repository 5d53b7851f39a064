import type { ProfileSettings } from '../config.ts'
import {
  CREDENTIALS_SECRET,
  ISSUED_ANNOTATION,
  SEAL_ANNOTATION,
  STATE_ANNOTATION
} from '../profile.ts'
import { artifactProxyFor } from './artifact-proxy.ts'
import { type AccessKey, sealFor } from './credentials.ts'
import type { Plan } from './plan.ts'
import { CA_CONFIG_MAP, CA_CONFIG_MAP_KEY, CA_KEY, launcherProviders } from './store-tls.ts'

/** An object of the profile's namespace as we want it. */
export interface Attachment {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly type?: string
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: unknown
}

/** A profile's current key and what its Secret remembers of it. */
export interface Issued {
  readonly key: AccessKey
  /** Seconds since 1970. */
  readonly issuedAt: number
  /** Whether it is the only key of its user. */
  readonly isSettled: boolean
}

/**
 * The objects of the profile's namespace, rebuilt from scratch and stable to the byte, with the names,
 * keys and values of KFP's sync.py wherever nothing forbids it.
 */
export function attachmentsFor(
  plan: Plan,
  issued: Issued,
  settings: ProfileSettings
): Attachment[] {
  return [
    credentialsSecret(plan, issued, settings),
    launcherConfigMap(plan, settings),
    metadataConfigMap(plan),
    artifactRepositories(plan, settings),
    ...(settings.storeCa === undefined
      ? []
      : [configMap(plan, CA_CONFIG_MAP, { [CA_CONFIG_MAP_KEY]: settings.storeCa })]),
    ...artifactProxyFor(plan.namespace, issued.key, settings)
  ]
}

/** One Secret for all: KFP's key names, and those that KServe, TensorBoard and notebooks read. */
function credentialsSecret(
  plan: Plan,
  { key, issuedAt, isSettled }: Issued,
  settings: ProfileSettings
): Attachment {
  const accessKeyId = base64(key.accessKeyId)
  const secretAccessKey = base64(key.secretAccessKey)
  const state = isSettled ? 'settled' : 'settling'
  const { storeCa } = settings
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: CREDENTIALS_SECRET,
      namespace: plan.namespace,
      annotations: {
        [SEAL_ANNOTATION]: sealFor(settings.rootKey, key.accessKeyId, plan.policy.name, state),
        [ISSUED_ANNOTATION]: timeText(issuedAt),
        [STATE_ANNOTATION]: state,
        'serving.kserve.io/s3-endpoint': settings.storeAddress,
        'serving.kserve.io/s3-region': settings.region,
        'serving.kserve.io/s3-usehttps': storeCa === undefined ? '0' : '1',
        'serving.kserve.io/s3-usevirtualbucket': 'false',
        ...(storeCa !== undefined && { 'serving.kserve.io/s3-cabundle-configmap': CA_CONFIG_MAP })
      }
    },
    type: 'Opaque',
    data: {
      accesskey: accessKeyId,
      secretkey: secretAccessKey,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(storeCa !== undefined && { [CA_KEY]: base64(storeCa) })
    }
  }
}

/**
 * Users keep plugin keys of their own in this one, and `providers` where the store speaks plain HTTP: Metacontroller
 * merges by key.
 */
function launcherConfigMap(plan: Plan, settings: ProfileSettings): Attachment {
  return configMap(plan, 'kfp-launcher', {
    defaultPipelineRoot: `minio://${plan.bucket}/${plan.keyPrefix}v2/artifacts`,
    clusterDomain: settings.serviceDomain,
    ...(settings.storeCa !== undefined && { providers: launcherProviders(settings) })
  })
}

function metadataConfigMap(plan: Plan): Attachment {
  return configMap(plan, 'metadata-grpc-configmap', {
    METADATA_GRPC_SERVICE_HOST: 'metadata-grpc-service.kubeflow',
    METADATA_GRPC_SERVICE_PORT: '8080'
  })
}

/** Where Argo Workflows writes outputs and archived logs; the annotation names the entry to use. */
function artifactRepositories(plan: Plan, settings: ProfileSettings): Attachment {
  const entry = 'default-namespaced'
  const date =
    '{{workflow.creationTimestamp.Y}}/{{workflow.creationTimestamp.m}}/{{workflow.creationTimestamp.d}}'
  const repository = {
    archiveLogs: true,
    s3: {
      endpoint: settings.storeAddress,
      bucket: plan.bucket,
      keyFormat: `${plan.keyPrefix}{{workflow.name}}/${date}/{{pod.name}}`,
      insecure: settings.storeCa === undefined,
      ...(settings.storeCa !== undefined && {
        caSecret: { name: CREDENTIALS_SECRET, key: CA_KEY }
      }),
      accessKeySecret: { name: CREDENTIALS_SECRET, key: 'accesskey' },
      secretKeySecret: { name: CREDENTIALS_SECRET, key: 'secretkey' }
    }
  }
  return configMap(
    plan,
    'artifact-repositories',
    { [entry]: JSON.stringify(repository) },
    { 'workflows.argoproj.io/default-artifact-repository': entry }
  )
}

function configMap(
  plan: Plan,
  name: string,
  data: Record<string, string>,
  annotations?: Record<string, string>
): Attachment {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: plan.namespace, ...(annotations && { annotations }) },
    data
  }
}

/** RFC 3339 in whole seconds. */
export function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
