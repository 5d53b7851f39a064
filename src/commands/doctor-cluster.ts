import type { Config } from '../config.ts'
import { isOlder } from '../desired/version.ts'
import { milliseconds } from '../environment.ts'
import { missingRights } from './doctor-rights.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'

/** As much of an object as is looked at here; all of it is somebody else's and may be missing. */
export interface ClusterObject {
  readonly kind?: string
  readonly metadata?: { readonly name?: string; readonly namespace?: string }
  readonly spec?: {
    readonly hooks?: Readonly<Record<string, { readonly webhook?: Webhook } | undefined>>
    readonly template?: { readonly spec?: PodSpec }
  }
  readonly roleRef?: { readonly name?: string }
  readonly subjects?: readonly { readonly name?: string; readonly namespace?: string }[]
  readonly rules?: readonly Rule[]
}

export interface Rule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly verbs?: readonly string[]
  readonly resourceNames?: readonly string[]
}

interface Webhook {
  readonly url?: string
  readonly service?: { readonly name?: string }
  readonly timeout?: string
  readonly authorization?: object
}

interface PodSpec {
  readonly serviceAccountName?: string
  readonly containers?: readonly {
    readonly image?: string
    readonly command?: readonly string[]
    readonly args?: readonly string[]
  }[]
}

const HOOK = 'kubeflow-pipelines-profile-controller'
/** The first that sends a token. */
const FIRST_WITH_TOKEN = '4.16'
/** Metacontroller's own, where a webhook names none. */
const DEFAULT_TIMEOUT = '10s'
const PIPE =
  'pipe `kubectl get statefulsets,deployments,decoratorcontrollers,compositecontrollers,clusterroles,clusterrolebindings -A -o json` into it'

/** What the cluster must have besides the store; all of it from what kubectl shows, because the hook has no token. */
export function examineCluster(
  config: Config,
  objects: readonly ClusterObject[] | undefined
): Finding[] {
  if (objects === undefined) {
    const evidence = 'nothing of the cluster was piped in'
    return [skipped('Metacontroller', evidence, PIPE), ...examineRetention(config, undefined)]
  }
  const controllers = objects.filter(
    ({ kind, spec }) =>
      (kind === 'DecoratorController' || kind === 'CompositeController') && callsHook(spec)
  )
  const kinds = new Set(controllers.map(({ kind }) => kind))
  return [
    examineControllers(controllers),
    ...controllers.flatMap((controller) => examineHooks(config, controller)),
    ...examineMetacontroller(config, objects, kinds.has('CompositeController')),
    ...examineRetention(config, objects)
  ]
}

function callsHook(spec: ClusterObject['spec']): boolean {
  const { url = '', service } = spec?.hooks?.['sync']?.webhook ?? {}
  return (
    service?.name === HOOK || (URL.canParse(url) && new URL(url).hostname.split('.')[0] === HOOK)
  )
}

function examineControllers(controllers: readonly ClusterObject[]): Finding {
  const check = 'controllers'
  const names = controllers.map(({ kind, metadata }) => `${kind} ${metadata?.name}`)
  if (names.length === 1) return ok(check, `${names[0]} calls the hook`)
  if (names.length === 0) {
    return failed(check, 'nobody calls the hook', 'apply one of metacontroller/*-controller.yaml')
  }
  return failed(
    check,
    `${names.join(' and ')} call the hook, and whichever comes first owns the Secrets`,
    'keep one of them, and remove the other as its file says'
  )
}

function examineHooks(config: Config, controller: ClusterObject): Finding[] {
  const check = `${controller.kind} ${controller.metadata?.name}`
  const findings = ['sync', 'finalize'].flatMap((name) => {
    const webhook = controller.spec?.hooks?.[name]?.webhook
    return webhook === undefined
      ? [warning(check, `has no ${name} hook`, 'apply ours again, if it is not being uninstalled')]
      : examineWebhook(config, webhook).map(([evidence, remedy]) =>
          failed(check, `its ${name} hook ${evidence}`, remedy)
        )
  })
  return findings.length > 0 ? findings : [ok(check, 'its hooks have a token and time enough')]
}

function examineWebhook(
  { server, syncBudgetMs }: Config,
  { timeout = DEFAULT_TIMEOUT, authorization, url }: Webhook
): [evidence: string, remedy: string][] {
  const faults: [evidence: string, remedy: string][] = []
  const scheme = server.tls === 'off' ? 'http' : 'https'
  if (url !== undefined && !url.startsWith(`${scheme}:`)) {
    faults.push([
      `is not called by ${scheme}, which is all that the hook speaks`,
      `write ${scheme}:// in its url, or change HOOK_TLS_CERT_FILE and HOOK_TLS_KEY_FILE`
    ])
  }
  if (server.hookAuth !== 'none' && authorization === undefined) {
    faults.push([
      'carries no token',
      `apply ours, and Metacontroller ${FIRST_WITH_TOKEN} or newer: an older one drops it without a word`
    ])
  }
  if (!(goMilliseconds(timeout) > syncBudgetMs)) {
    faults.push([
      `gives up after ${timeout}, and the hook works for ${syncBudgetMs / 1000}s`,
      'let its timeout be longer than SYNC_BUDGET'
    ])
  }
  return faults
}

/** As Go writes durations, `1m30s`; NaN when it is none. */
function goMilliseconds(duration: string): number {
  const parts = [...duration.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g)]
  if (parts.map(([part]) => part).join('') !== duration) return Number.NaN
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * milliseconds(`1${unit}`), 0)
}

function examineMetacontroller(
  { server }: Config,
  objects: readonly ClusterObject[],
  isComposite: boolean
): Finding[] {
  const check = 'Metacontroller'
  const found = objects.find((object) => imagesOf(object).some((image) => isMetacontroller(image)))
  if (found === undefined) {
    return [failed(check, 'no StatefulSet or Deployment of it', 'install it, or pipe that in too')]
  }
  const image = String(imagesOf(found).find(isMetacontroller))
  const version = /:v?(\d+\.\d+)/.exec(image)?.[1]
  const rights = missingRights(found, objects, isComposite)
  const newer = `raise it to ${FIRST_WITH_TOKEN} or newer, or use the component metacontroller-4.11`
  return [
    version === undefined
      ? skipped(
          check,
          `${image} does not tell its version`,
          `be sure that it is ${FIRST_WITH_TOKEN} or newer`
        )
      : server.hookAuth === 'none' || !isOlder(version, FIRST_WITH_TOKEN)
        ? ok(check, `version ${version}`)
        : failed(check, `version ${version} cannot send a token`, newer),
    rights
  ]
}

function imagesOf({ spec }: ClusterObject): string[] {
  return (spec?.template?.spec?.containers ?? []).map(({ image = '' }) => image)
}

function isMetacontroller(image: string): boolean {
  return /(^|\/)metacontroller(io\/metacontroller)?(:|@|$)/.test(image)
}

/** SeaweedFS only keeps the rules of a bucket's lifecycle; a worker of it follows them. */
function examineRetention(
  { profile }: Config,
  objects: readonly ClusterObject[] | undefined
): Finding[] {
  const check = 'retention'
  if (profile.retention === 'keep') return []
  if (objects === undefined) {
    return [skipped(check, 'whether a lifecycle worker runs cannot be seen from here', PIPE)]
  }
  const isThere = objects.some(({ spec }) =>
    (spec?.template?.spec?.containers ?? []).some(
      ({ image = '', command = [], args = [] }) =>
        /weed|seaweedfs/.test(image + command) &&
        /\b(worker|mini)\b/.test([...command, ...args].join(' '))
    )
  )
  return [
    isThere
      ? ok(check, 'a lifecycle worker of SeaweedFS is there')
      : failed(
          check,
          `ARTIFACT_RETENTION_DAYS=${profile.retention.days} and no lifecycle worker: nothing is ever deleted`,
          'run `weed admin` and `weed worker`, as the component seaweedfs does'
        )
  ]
}
