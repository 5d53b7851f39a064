import Type, { type Static } from 'typebox'
import type { Outcome } from './reconcile.ts'

/**
 * Metacontroller's wire format, for a CompositeController on Profile and a DecoratorController on
 * Namespace alike; only the fields we read.
 * @see https://metacontroller.github.io/metacontroller/api/hook.html
 */
const Metadata = Type.Object({
  name: Type.String({ minLength: 1 }),
  namespace: Type.Optional(Type.String()),
  uid: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  labels: Type.Optional(Type.Record(Type.String(), Type.String())),
  annotations: Type.Optional(Type.Record(Type.String(), Type.String())),
  deletionTimestamp: Type.Optional(Type.String()),
  ownerReferences: Type.Optional(
    Type.Array(
      Type.Object({
        apiVersion: Type.String(),
        kind: Type.String(),
        uid: Type.String({ minLength: 1, maxLength: 128 }),
        controller: Type.Optional(Type.Boolean())
      })
    )
  )
})

const ParentMetadata = Type.Intersect([Metadata, Type.Object({ uid: Type.String() })])

const Condition = Type.Object({
  type: Type.String(),
  status: Type.String(),
  message: Type.Optional(Type.String())
})

const ProfileParent = Type.Object({
  apiVersion: Type.String({ pattern: '^kubeflow\\.org/' }),
  kind: Type.Literal('Profile'),
  metadata: ParentMetadata,
  status: Type.Optional(Type.Object({ conditions: Type.Optional(Type.Array(Condition)) }))
})

const NamespaceParent = Type.Object({
  apiVersion: Type.Literal('v1'),
  kind: Type.Literal('Namespace'),
  metadata: ParentMetadata
})

const Observed = Type.Object({
  kind: Type.String(),
  metadata: Metadata,
  data: Type.Optional(Type.Record(Type.String(), Type.String()))
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
  readonly status?: ProfileStatus | undefined
}
type ProfileStatus = NonNullable<Static<typeof ProfileParent>['status']>

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
const READY_CONDITION = 'ObjectStorageReady'
const READY = {
  type: READY_CONDITION,
  status: 'True',
  message: 'Credentials are issued, and access and isolation are proven'
}

/**
 * The answer as the parent's controller wants it. A Namespace's status is never touched: Metacontroller
 * would write it on every sync and wedge a terminating one. A Profile's status is given back whole,
 * because anything left out is wiped.
 */
export function hookAnswer(request: HookRequest, outcome: Outcome): Record<string, unknown> {
  const { attachments, isReady, ...progress } = outcome
  if (request.kind === 'composite') {
    return {
      status: statusWith(request.parent.status, isReady),
      children: attachments,
      ...progress
    }
  }
  const isGoing = request.parent.metadata.deletionTimestamp != null
  const annotations = { [READY_ANNOTATION]: isReady ? 'ready' : null }
  return { ...(isGoing ? {} : { annotations }), attachments, ...progress }
}

function statusWith(status: ProfileStatus | undefined, isReady: boolean): ProfileStatus {
  const observed = status?.conditions ?? []
  const isOurs = ({ type }: { type: string }) => type === READY_CONDITION
  if (!isReady) return { ...status, conditions: observed.filter((condition) => !isOurs(condition)) }
  const conditions = observed.map((condition) => (isOurs(condition) ? READY : condition))
  return { ...status, conditions: observed.some(isOurs) ? conditions : [...conditions, READY] }
}
