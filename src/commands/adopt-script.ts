import type { Adoption } from '../desired/adoption.ts'
import { ADOPT_ANNOTATION } from '../desired/plan.ts'
import { CommandFailed } from '../errors.ts'
import type { KubernetesObject } from '../hooks.ts'
import { textOf } from './text.ts'

export type ParentKind = 'profile' | 'namespace'

/** kubectl's word for each, in full: other groups have profiles, too. */
const RESOURCES = { profile: 'profiles.kubeflow.org', namespace: 'namespace' }

/**
 * The kind of parent to annotate: the one that is named, or the only one that the list has.
 * @throws CommandFailed when nothing tells which
 */
export function kindToAnnotate(
  named: string | undefined,
  parents: readonly KubernetesObject[] = []
): ParentKind {
  const kinds = new Set(parents.map(({ kind }) => (kind === 'Profile' ? 'profile' : 'namespace')))
  const [kind, ...others] = named === undefined ? kinds : [named]
  if ((kind === 'profile' || kind === 'namespace') && others.length === 0) return kind
  throw new CommandFailed(
    'Say which to annotate: --parent namespace under the DecoratorController, --parent profile under the CompositeController'
  )
}

/**
 * A line of shell for each bucket, and a comment where somebody has to decide first. Names hold nothing but
 * small letters, digits and dashes. kubectl refuses to change an annotation that is there.
 */
export function scriptFor(adoptions: readonly Adoption[], kind: ParentKind): string {
  return textOf(
    adoptions.map(({ namespace, bucket, contents, doubt }) => {
      const annotation = `${ADOPT_ANNOTATION}=${bucket}`
      const line = `kubectl annotate ${RESOURCES[kind]} ${namespace} ${annotation}`
      return doubt === undefined ? `${line} # ${contents}` : `# ${line} # ${contents}; ${doubt}`
    })
  )
}

/** The same in a sentence, for people. */
export function summaryOf(adoptions: readonly Adoption[]): string {
  const doubtful = adoptions.filter(({ doubt }) => doubt !== undefined).length
  return `${adoptions.length - doubtful} to give back, ${doubtful} to decide about`
}
