import { DATA_POLICY_ANNOTATION } from './desired/data-policy.ts'
import { ADOPT_ANNOTATION } from './desired/plan.ts'
import { REVOKE_ANNOTATION, ROTATE_ANNOTATION } from './desired/rotation.ts'
import type { HookRequest, KubernetesObject } from './hooks.ts'

/** One life of one Kubeflow tenant, whichever kind of parent Metacontroller showed us. */
export interface Profile {
  /** The Profile's and its Namespace's name alike. */
  readonly namespace: string
  /** The Profile's UID, or the Namespace's where no Profile owns it: a re-created profile differs. */
  readonly incarnation: string
  readonly isOptedIn: boolean
  readonly isTerminating: boolean
  /** Tells one going from a later one, with the profile let in again in between. */
  readonly going: string | undefined
  /** The operator gave up on the store: finalize must let the parent go. */
  readonly skipsStorageCleanup: boolean
  /** When a new key is asked for, as the annotation spells it. */
  readonly rotateAt: string | undefined
  /** From when on older keys get no grace, as the annotation spells it. */
  readonly revokeBefore: string | undefined
  /** The name of an earlier life that the profile is to take over, as the annotation spells it. */
  readonly adoptBucket: string | undefined
  /** What becomes of the data when the profile is deleted, as the annotation spells it. */
  readonly dataPolicy: string | undefined
  /** When the parent was made, as Kubernetes spells it. */
  readonly createdAt: string | undefined
  /** The credentials Secret as the cluster shows it: a claim, not a fact. */
  readonly observedSecret: ObservedSecret | undefined
}

export interface ObservedSecret {
  readonly uid: string | undefined
  /** What we wrote beside the key when it was proven; see sealFor. */
  readonly seal: string | undefined
  /** When the key was issued, as the annotation spells it. */
  readonly issuedAt: string | undefined
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** What was proven of the key, in words that only the holder of the root key can write. */
export const SEAL_ANNOTATION = 'pipelines.kubeflow.org/credentials-seal'
/** When the key was issued; with the seal our only memory. */
export const ISSUED_ANNOTATION = 'pipelines.kubeflow.org/credentials-issued-at'
/** Whether other keys are left, for people to read; what counts is the seal. */
export const STATE_ANNOTATION = 'pipelines.kubeflow.org/credentials-state'

/** KFP's name for the credentials Secret; consumers all over Kubeflow have it built in. */
export const CREDENTIALS_SECRET = 'mlpipeline-minio-artifact'

const ENABLED_LABEL = 'pipelines.kubeflow.org/enabled'
const SKIP_CLEANUP_ANNOTATION = 'pipelines.kubeflow.org/skip-storage-cleanup'

export function profileFrom(request: HookRequest): Profile {
  const { parent } = request
  const { labels = {}, annotations = {} } = parent.metadata
  const enabled = labels[ENABLED_LABEL]
  return {
    namespace: parent.metadata.name,
    incarnation: incarnationOf(parent),
    isOptedIn: request.kind === 'composite' ? enabled !== 'false' : enabled === 'true',
    isTerminating: parent.metadata.deletionTimestamp !== undefined,
    // A deletion is for good; after an opt-out the label, and so the version, may change again.
    going: parent.metadata.deletionTimestamp ?? parent.metadata.resourceVersion,
    skipsStorageCleanup: annotations[SKIP_CLEANUP_ANNOTATION] === 'true',
    rotateAt: annotations[ROTATE_ANNOTATION],
    revokeBefore: annotations[REVOKE_ANNOTATION],
    adoptBucket: annotations[ADOPT_ANNOTATION],
    dataPolicy: annotations[DATA_POLICY_ANNOTATION],
    createdAt: parent.metadata.creationTimestamp,
    observedSecret: observedSecretFrom(request)
  }
}

/** Who gets storage: nobody who opted out, and nobody who is about to go. */
export function isEntitled({ isOptedIn, isTerminating }: Profile): boolean {
  return isOptedIn && !isTerminating
}

/** RFC 1123 label, the only names a Kubernetes namespace can have. */
export function isNamespaceName(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name)
}

function incarnationOf(parent: KubernetesObject): string {
  const owner = parent.metadata.ownerReferences?.find(
    ({ controller, kind, apiVersion }) =>
      controller === true && kind === 'Profile' && apiVersion.startsWith('kubeflow.org/')
  )
  return parent.kind === 'Namespace' && owner !== undefined ? owner.uid : parent.metadata.uid
}

function observedSecretFrom(request: HookRequest): ObservedSecret | undefined {
  const secret = request.observed.find(
    ({ kind, metadata }) =>
      kind === 'Secret' &&
      metadata.name === CREDENTIALS_SECRET &&
      metadata.namespace === request.parent.metadata.name
  )
  if (secret === undefined) return undefined
  const text = (key: string) => {
    const value = secret.data?.[key]
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString() : ''
  }
  const { annotations = {} } = secret.metadata
  return {
    uid: secret.metadata.uid,
    seal: annotations[SEAL_ANNOTATION],
    issuedAt: annotations[ISSUED_ANNOTATION],
    accessKeyId: text('accesskey'),
    secretAccessKey: text('secretkey')
  }
}
