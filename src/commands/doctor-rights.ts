import type { ClusterObject, Rule } from './doctor-cluster.ts'
import { type Finding, failed, ok, skipped } from './finding.ts'

type Right = readonly [group: string, resource: string, verbs: readonly string[]]

const LOOK = ['get', 'list', 'watch']
const KEEP = [...LOOK, 'create', 'update', 'delete']
const OF_EVERY: readonly Right[] = [
  ['', 'secrets', KEEP],
  ['', 'configmaps', KEEP],
  ['', 'services', KEEP],
  ['apps', 'deployments', KEEP],
  ['', 'namespaces', LOOK],
  ['metacontroller.k8s.io', 'compositecontrollers', LOOK],
  ['metacontroller.k8s.io', 'decoratorcontrollers', LOOK],
  ['metacontroller.k8s.io', 'controllerrevisions', ['list', 'watch']]
]
const OF_DECORATOR: readonly Right[] = [...OF_EVERY, ['', 'namespaces', ['update']]]
const OF_COMPOSITE: readonly Right[] = [
  ...OF_EVERY,
  ['kubeflow.org', 'profiles', [...LOOK, 'update']],
  ['kubeflow.org', 'profiles/status', ['update']],
  ['apiextensions.k8s.io', 'customresourcedefinitions', LOOK]
]

/** Whether the ServiceAccount of a Metacontroller may do what our controllers make it do. */
export function missingRights(
  metacontroller: ClusterObject,
  objects: readonly ClusterObject[],
  isComposite: boolean
): Finding {
  const check = 'rights of Metacontroller'
  const { serviceAccountName: account = 'default' } = Object(metacontroller.spec?.template?.spec)
  const { namespace } = metacontroller.metadata ?? {}
  const bindings = objects.filter(({ kind }) => kind === 'ClusterRoleBinding')
  if (bindings.length === 0) {
    return skipped(
      check,
      'no ClusterRoleBindings were piped in',
      'pipe clusterroles,clusterrolebindings in too'
    )
  }
  const roles = bindings
    .filter(({ subjects = [] }) =>
      subjects.some((subject) => subject.name === account && subject.namespace === namespace)
    )
    .map(({ roleRef }) => roleRef?.name)
  const rules = objects
    .filter(({ kind, metadata }) => kind === 'ClusterRole' && roles.includes(metadata?.name))
    .flatMap(({ rules = [] }) => rules)
  const missing = (isComposite ? OF_COMPOSITE : OF_DECORATOR).flatMap(
    ([group, resource, verbs]) => {
      const lacking = verbs.filter(
        (verb) => !rules.some((rule) => allows(rule, group, resource, verb))
      )
      return lacking.length > 0 ? [`${lacking.join(', ')} ${resource}`] : []
    }
  )
  if (missing.length === 0) return ok(check, `ServiceAccount ${account} has them`)
  return failed(
    check,
    `ServiceAccount ${account} may not ${missing.join('; ')}`,
    `apply metacontroller/${isComposite ? 'composite' : 'decorator'}-rbac.yaml, with this ServiceAccount in \`subjects\``
  )
}

function allows(rule: Rule, group: string, resource: string, verb: string): boolean {
  const has = (list: readonly string[] | undefined, wanted: string) =>
    list?.includes(wanted) || list?.includes('*')
  return Boolean(
    has(rule.apiGroups, group) &&
      has(rule.resources, resource) &&
      has(rule.verbs, verb) &&
      rule.resourceNames === undefined
  )
}
