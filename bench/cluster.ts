import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** An object of a hook's answer. */
export interface Attachment {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly data?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly attachments: readonly Attachment[]
}

/** One recorded call of Metacontroller for KFP's own DecoratorController, objects whole. */
const RECORDED_NAMESPACE = 'team-old'
const RECORDED: Body = JSON.parse(
  readFileSync(
    new URL('../test/fixtures/recorded/decorator/syncpy-first-sync.json', import.meta.url),
    'utf8'
  )
).calls[0].request

interface Body {
  readonly object: { readonly metadata: { readonly uid: string } }
  readonly attachments: Readonly<Record<string, object>>
}

/** `profile-0001` and so on, which sort as they were made. */
export function namespaces(count: number, first = 0): string[] {
  return Array.from(
    { length: count },
    (_, index) => `team-${String(first + index).padStart(5, '0')}`
  )
}

/** The body of a sync: the recorded one with this namespace in it, and the objects that are there. */
export function syncBody(namespace: string, attachments: readonly Attachment[] = []): string {
  const { object, ...rest } = RECORDED
  const [uid, owner] = [uidFor(namespace), uidFor(`${namespace}/profile`)]
  const named = JSON.parse(JSON.stringify(object).replaceAll(RECORDED_NAMESPACE, namespace))
  named.metadata.uid = uid
  named.metadata.ownerReferences[0].uid = owner
  return JSON.stringify({ ...rest, object: named, attachments: observed(attachments, uid) })
}

function observed(attachments: readonly Attachment[], ownerUid: string) {
  const groups: Record<string, Record<string, object>> = {}
  for (const group of Object.keys(RECORDED.attachments)) groups[group] = {}
  for (const attachment of attachments) {
    const { namespace, name } = attachment.metadata
    const group = groupOf(attachment)
    groups[group] = {
      ...groups[group],
      [`${namespace}/${name}`]: asTheClusterShowsIt(attachment, ownerUid)
    }
  }
  return groups
}

function groupOf({ apiVersion, kind }: Attachment): string {
  const [version = '', group] = apiVersion.split('/').reverse()
  return group === undefined ? `${kind}.${version}` : `${kind}.${group}/${version}`
}

/** With what the API server and Metacontroller add to it. */
function asTheClusterShowsIt(attachment: Attachment, ownerUid: string): object {
  const { metadata } = attachment
  return {
    ...attachment,
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        'metacontroller.k8s.io/decorator-controller': 'kubeflow-pipelines-profile-controller',
        'metacontroller.k8s.io/last-applied-configuration': JSON.stringify(attachment)
      },
      creationTimestamp: '2026-11-22T10:56:36Z',
      ownerReferences: [
        {
          apiVersion: 'v1',
          blockOwnerDeletion: true,
          controller: true,
          kind: 'Namespace',
          name: metadata.namespace,
          uid: ownerUid
        }
      ],
      resourceVersion: '774',
      uid: uidFor(`${metadata.namespace}/${attachment.kind}/${metadata.name}`)
    }
  }
}

function uidFor(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32)
  ].join('-')
}
