import Type, { type Static } from 'typebox'
import type { Outcome } from './reconcile.ts'

/**
 * Metacontroller's wire format, for a CompositeController on Profile and a DecoratorController on
 * Namespace alike; only the fields we read.
 * @see https://metacontroller.github.io/metacontroller/api/hook.html
 */
const ParentMetadata = Type.Object({
  name: Type.String({ minLength: 1 }),
  uid: Type.String({ minLength: 1, maxLength: 128 }),
  resourceVersion: Type.Optional(Type.String()),
  creationTimestamp: Type.Optional(Type.String()),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  deletionTimestamp: Type.Optional(Type.String()),
  ownerReferences: Type.Optional(
    Type.Array(
      Type.Object({
        apiVersion: Type.String(),
        kind: Type.String(),
        uid: Type.String(),
        controller: Type.Optional(Type.Boolean())
      })
    )
  )
})

export const ProfileParent = Type.Object({
  apiVersion: Type.String({ pattern: '^kubeflow\\.org/' }),
  kind: Type.Literal('Profile'),
  metadata: ParentMetadata,
  // Others write it too; it is given back as it came.
  status: Type.Optional(Type.Unknown())
})

export const NamespaceParent = Type.Object({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Namespace'),
  metadata: ParentMetadata
})

/**
 * Whoever may edit a namespace writes these objects as well. So nothing beyond what Kubernetes itself
 * guarantees is asked of them: a body refused is a key that is never revoked.
 */
const Observed = Type.Object({
  kind: Type.String(),
  metadata: Type.Object({
    name: Type.String(),
    namespace: Type.Optional(Type.String()),
    uid: Type.Optional(Type.String()),
    annotations: Type.Optional(Type.Record(Type.String(), Type.String()))
  }),
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown()))
})
/** `Secret.v1` -> `namespace/name` -> object; the keys are spelled differently by hook version. */
const ObservedGroups = Type.Record(Type.String(), Type.Record(Type.String(), Observed))

const CompositeBody = Type.Object({
  parent: ProfileParent,
  children: ObservedGroups,
  finalizing: Type.Optional(Type.Boolean())
})

const DecoratorBody = Type.Object({
  object: NamespaceParent,
  attachments: ObservedGroups,
  finalizing: Type.Optional(Type.Boolean())
})

type Body = Static<typeof CompositeBody> | Static<typeof DecoratorBody>

/** A body with `parent` is a CompositeController's, any other must be a DecoratorController's. */
export const HookBody = {
  type: 'object',
  if: { required: ['parent'] },
  // biome-ignore lint/suspicious/noThenProperty: JSON Schema's word
  then: CompositeBody,
  else: DecoratorBody
}

/** Both controllers send `parent` to the customize hook. */
export const CustomizeBody = Type.Object({ parent: Type.Object({}) })

/** Only `All`, as the Kubernetes API spells it: anything else must not be taken for a real run. */
export const HookQuery = Type.Object({ dryRun: Type.Optional(Type.Literal('All')) })
export type HookQuery = Static<typeof HookQuery>

export interface KubernetesObject {
  readonly kind: string
  readonly metadata: Static<typeof ParentMetadata>
  readonly status?: unknown
}

export interface HookRequest {
  readonly kind: 'composite' | 'decorator'
  readonly parent: KubernetesObject
  /** Every object in the cluster that Metacontroller holds for this parent's. */
  readonly observed: readonly Static<typeof Observed>[]
}

export function hookRequestFrom(body: unknown): HookRequest {
  const request = body as Body
  return 'parent' in request
    ? { kind: 'composite', parent: request.parent, observed: flattened(request.children) }
    : { kind: 'decorator', parent: request.object, observed: flattened(request.attachments) }
}

function flattened(groups: Static<typeof ObservedGroups>): Static<typeof Observed>[] {
  return Object.values(groups).flatMap((group) => Object.values(group))
}

const READY_ANNOTATION = 'pipelines.kubeflow.org/object-storage'
const SETTLING_ANNOTATION = 'pipelines.kubeflow.org/credentials-settling-until'
const READY_CONDITION = 'ObjectStorageReady'
const SETTLING_WORDS = 'the key before works until'
/** Without a number in it: each change would be a write, and each write another call at once. */
const EMPTYING = {
  type: READY_CONDITION,
  status: 'False',
  message: 'The key is revoked, and the data is being deleted'
}

/**
 * The answer as the parent's controller wants it. A Namespace's status is never touched: Metacontroller
 * would write it on every sync and wedge a terminating one. A Profile's status is given back whole,
 * because anything left out is wiped.
 */
export function hookAnswer(request: HookRequest, outcome: Outcome): Record<string, unknown> {
  const { attachments, readiness, settlingUntil, rest: _, ...progress } = outcome
  if (request.kind === 'composite') {
    const status = statusWith(request.parent.status, readiness, settlingUntil)
    return { status, children: attachments, ...progress }
  }
  const isGoing = request.parent.metadata.deletionTimestamp !== undefined
  const annotations = {
    [READY_ANNOTATION]: readiness === 'ready' ? 'ready' : null,
    [SETTLING_ANNOTATION]: settlingUntil ?? null
  }
  const says = readiness === 'pending' || isGoing ? {} : { annotations }
  return { ...says, attachments, ...progress }
}

function statusWith(
  observed: unknown,
  readiness: Outcome['readiness'],
  settlingUntil: string | undefined
): object {
  const status = isObject(observed) ? observed : {}
  if (readiness === 'pending') return status
  const conditions = Array.isArray(status['conditions']) ? status['conditions'] : []
  const isOurs = (condition: unknown) =>
    isObject(condition) && condition['type'] === READY_CONDITION
  if (readiness === 'gone') {
    return { ...status, conditions: conditions.filter((condition) => !isOurs(condition)) }
  }
  const ours = readiness === 'emptying' ? EMPTYING : readyCondition(settlingUntil)
  const updated = conditions.map((condition) => (isOurs(condition) ? ours : condition))
  return { ...status, conditions: conditions.some(isOurs) ? updated : [...updated, ours] }
}

function readyCondition(settlingUntil: string | undefined): object {
  const message = 'Credentials are issued, and access and isolation are proven'
  const settling = settlingUntil ? `; ${SETTLING_WORDS} ${settlingUntil}` : ''
  return { type: READY_CONDITION, status: 'True', message: message + settling }
}

/** Whether the parent, of either kind, says that a key before its current one still works. */
export function isSettling({ metadata, status }: KubernetesObject): boolean {
  const conditions = isObject(status) ? status['conditions'] : undefined
  const messages = (Array.isArray(conditions) ? conditions : []).map((condition) =>
    isObject(condition) && condition['type'] === READY_CONDITION ? condition['message'] : ''
  )
  return (
    metadata.annotations?.[SETTLING_ANNOTATION] !== undefined ||
    messages.some((message) => String(message).includes(SETTLING_WORDS))
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
