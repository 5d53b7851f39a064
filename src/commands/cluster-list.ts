import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Ajv } from 'ajv'
import { CommandFailed } from '../errors.ts'
import { type KubernetesObject, NamespaceParent, ProfileParent } from '../hooks.ts'

const ajv = new Ajv()
const SCHEMAS = [
  { kind: 'Profile', group: 'kubeflow.org/', validate: ajv.compile(ProfileParent) },
  { kind: 'Namespace', group: 'v1', validate: ajv.compile(NamespaceParent) }
]
/** Kubernetes makes them and lets nobody delete them. */
const IN_EVERY_CLUSTER = ['default', 'kube-system']
const MAX_SHOWN = 80

/** What was piped in; nobody is asked to type it. */
export async function pipedText(stdin: Readable & { readonly isTTY?: boolean }): Promise<string> {
  return stdin.isTTY ? '' : text(stdin)
}

/**
 * The Profiles and Namespaces that kubectl shows with `-o json`. Lists may follow one another, because two
 * clusters may share a store.
 * @throws CommandFailed when it is anything else
 */
export function parentsIn(text: string): KubernetesObject[] {
  if (text.trim() === '') {
    throw new CommandFailed(
      'Nothing came on standard input; pipe `kubectl get profiles.kubeflow.org,namespaces -o json` into it'
    )
  }
  return objectsIn(text).map(parentFrom)
}

/**
 * Whatever kubectl shows with `-o json`, unjudged.
 * @throws CommandFailed when it is no JSON
 */
export function objectsIn(text: string): unknown[] {
  return documentsIn(text).flatMap(itemsOf)
}

/**
 * A part of the cluster would make orphans of the rest.
 * @throws CommandFailed when the list shows that it is one
 */
export function ensureWhole(parents: readonly KubernetesObject[]): void {
  const namespaces = parents.filter(({ kind }) => kind === 'Namespace')
  const names = new Set(namespaces.map(({ metadata }) => metadata.name))
  const missing = IN_EVERY_CLUSTER.filter((name) => !names.has(name))
  if (missing.length > 0) {
    throw new CommandFailed(
      `The list is not whole: every cluster has a Namespace ${missing.join(' and ')}; give all Profiles and all Namespaces`
    )
  }
  const uids = new Set(parents.map(({ metadata }) => metadata.uid))
  for (const { metadata } of namespaces) {
    const { name, ownerReferences = [], deletionTimestamp } = metadata
    const owner = ownerReferences.find(({ kind, controller }) => kind === 'Profile' && controller)
    if (owner !== undefined && deletionTimestamp === undefined && !uids.has(owner.uid)) {
      throw new CommandFailed(
        `The list is not whole: it has Namespace ${name}, and not the Profile that owns it; give all Profiles and all Namespaces, or wait until that Namespace goes too`
      )
    }
  }
}

/** Between two documents is a line break that cannot stand there within one. */
function documentsIn(text: string): unknown[] {
  try {
    return JSON.parse(`[${text.replaceAll(/\}\s*\n\s*\{/g, '},{')}]`)
  } catch {
    // Its message would quote the input, which may be anything.
    throw new CommandFailed('Standard input is not JSON as `kubectl get … -o json` writes it')
  }
}

function itemsOf(document: unknown): unknown[] {
  const { kind, items } = Object(document)
  return kind === 'List' && Array.isArray(items) ? items : [document]
}

function parentFrom(item: unknown): KubernetesObject {
  const { kind, apiVersion } = Object(item)
  const schema = SCHEMAS.find(
    (one) => one.kind === kind && String(apiVersion).startsWith(one.group)
  )
  if (schema === undefined) {
    const found = `${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}`.slice(0, MAX_SHOWN)
    throw new CommandFailed(
      `Standard input holds ${found}; give Profiles of kubeflow.org and Namespaces, and nothing else`
    )
  }
  if (schema.validate(item)) return item as KubernetesObject
  const fault = ajv.errorsText(schema.validate.errors, { dataVar: schema.kind })
  throw new CommandFailed(`Standard input holds a faulty object: ${fault}`)
}
