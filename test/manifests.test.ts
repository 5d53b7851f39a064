import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { loadConfig } from '../src/config.ts'
import { attachmentsFor } from '../src/desired/attachments.ts'
import { accessKeyFor } from '../src/desired/credentials.ts'
import { planFor } from '../src/desired/plan.ts'
import type { HookRequest } from '../src/hooks.ts'
import { Memory } from '../src/memory.ts'
import { buildMetrics } from '../src/metrics.ts'
import type { ObjectStore } from '../src/object-store/object-store.ts'
import { profileFrom } from '../src/profile.ts'
import { buildServer } from '../src/server.ts'
import { Turns } from '../src/turns.ts'

interface Rule {
  readonly apiVersion: string
  readonly resource: string
  readonly updateStrategy?: { readonly method: string }
}

interface Selector {
  readonly matchLabels?: Record<string, string>
  readonly matchExpressions?: { key: string; operator: string; values: string[] }[]
}

interface Hook {
  readonly webhook: { url: string; timeout: string; authorization: { secretRef: object } }
}

interface Controller {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly resources?: (Rule & { labelSelector: Selector })[]
    readonly attachments?: Rule[]
    readonly parentResource?: Rule & { labelSelector: Selector }
    readonly childResources?: Rule[]
    readonly generateSelector?: boolean
    readonly hooks: Record<'sync' | 'finalize', Hook>
  }
}

interface ClusterRole {
  readonly metadata: { readonly name: string }
  readonly rules: { apiGroups: string[]; resources: string[]; verbs: string[] }[]
}

interface ClusterRoleBinding {
  readonly roleRef: object
}

const FOLDER = fileURLToPath(new URL('../metacontroller', import.meta.url))
const CRDS = new URL('../../shared/crds/metacontroller-crds-v1.yaml', import.meta.url)

const [decorator] = documentsOf('decorator-controller.yaml') as [Controller]
const [composite] = documentsOf('composite-controller.yaml') as [Controller]

/** Both controllers in one shape: what they watch, whom they pick, what they make. */
const controllers = [
  {
    name: 'the DecoratorController',
    kind: 'decorator',
    controller: decorator,
    parent: decorator.spec.resources?.[0],
    children: decorator.spec.attachments ?? [],
    rbac: 'decorator-rbac.yaml'
  },
  {
    name: 'the CompositeController',
    kind: 'composite',
    controller: composite,
    parent: composite.spec.parentResource,
    children: composite.spec.childResources ?? [],
    rbac: 'composite-rbac.yaml'
  }
] as const

const config = loadConfig({
  HOOK_TOKEN: 'a-token-of-at-least-16',
  AWS_ENDPOINT_URL_S3: 'http://seaweedfs:8333',
  AWS_ENDPOINT_URL_IAM: 'http://seaweedfs:8111',
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
  CREDENTIAL_ROOT_KEY: 'a root key of at least thirty-two bytes',
  ARTIFACTS_PROXY_ENABLED: 'true',
  KFP_VERSION: '2.17.0'
})

for (const { name, kind, controller, parent, children, rbac } of controllers) {
  t.test(name, async (t) => {
    t.test('calls hooks that are routes of the server', async (t) => {
      const server = await readyServer()
      const urls = Object.values(controller.spec.hooks).map(({ webhook }) => new URL(webhook.url))
      t.same(Object.keys(controller.spec.hooks), ['sync', 'finalize'])
      for (const { host, pathname: url } of urls) {
        t.ok(server.hasRoute({ method: 'POST', url }), `POST ${url} is a route`)
        t.equal(host, 'kubeflow-pipelines-profile-controller.kubeflow.svc')
      }
      t.not(urls[0]?.pathname, urls[1]?.pathname, 'a finalize is not answered with keys')
    })

    t.test('gives the hook more time than the hook gives itself', async (t) => {
      for (const { webhook } of Object.values(controller.spec.hooks)) {
        t.match(webhook.timeout, /^[0-9]+s$/)
        t.ok(Number.parseInt(webhook.timeout, 10) * 1000 > config.syncBudgetMs)
      }
    })

    t.test('shows the hook a token from a Secret whose name has a version', async (t) => {
      const { sync, finalize } = controller.spec.hooks
      t.match(sync.webhook.authorization.secretRef, { name: /-v[0-9]+$/, namespace: 'kubeflow' })
      t.same(finalize.webhook.authorization, sync.webhook.authorization)
    })

    t.test('lists exactly the kinds that the hook returns', async (t) => {
      t.same(children.map(resourceOf).sort(), returnedResources())
    })

    t.test('repairs in place', async (t) => {
      for (const child of children) {
        t.equal(child.updateStrategy?.method, 'InPlace', resourceOf(child))
      }
    })

    t.test('picks by label the parents that the hook takes for opted in', async (t) => {
      const picked = LABELS.filter((labels) => matches(parent?.labelSelector, labels))
      const optedIn = LABELS.filter((labels) => isOptedIn(kind, labels))
      t.same(picked, optedIn)
      t.not(picked.length, 0)
      t.not(picked.length, LABELS.length)
    })

    t.test('has a name that fits into its finalizer', async (t) => {
      const finalizer = `${controller.kind.toLowerCase()}-${controller.metadata.name}`
      t.ok(finalizer.length <= 63, finalizer)
    })

    t.test('may do to its parent and children what it must, and to nothing else', async (t) => {
      const [role, binding] = documentsOf(rbac) as [ClusterRole, ClusterRoleBinding]
      t.same(grantsOf(role), neededGrants(kind, children))
      t.match(binding, {
        roleRef: { kind: 'ClusterRole', name: role.metadata.name },
        subjects: [{ name: 'meta-controller-service', namespace: 'kubeflow' }]
      })
    })

    const skip = unlessCi(existsSync(CRDS), 'no CustomResourceDefinitions in ../shared')
    t.test('validates against its CustomResourceDefinition', { skip }, async (t) => {
      t.same(faultsOf(controller), [])
    })
  })
}

t.test('the DecoratorController keeps the name that owns the objects of sync.py', async (t) => {
  t.equal(decorator.metadata.name, 'kubeflow-pipelines-profile-controller')
})

t.test('the CompositeController finds its children by a generated selector', async (t) => {
  t.equal(composite.spec.generateSelector, true)
})

t.test('kubectl kustomize', { skip: unlessCi(hasKubectl(), 'no kubectl') }, async (t) => {
  t.test('builds the DecoratorController and its rights by default', async (t) => {
    const files = ['decorator-controller.yaml', 'decorator-rbac.yaml']
    t.same(sorted(kustomize(FOLDER)), sorted(files.flatMap(documentsOf)))
  })

  t.test('builds the CompositeController and its rights with the component', async (t) => {
    const overlay = overlayIn(t)
    const files = ['composite-controller.yaml', 'composite-rbac.yaml']
    t.same(sorted(kustomize(overlay)), sorted(files.flatMap(documentsOf)))
  })
})

function documentsOf(file: string): unknown[] {
  const text = readFileSync(join(FOLDER, file), 'utf8')
  return parseAllDocuments(text).map((document) => document.toJS())
}

/** A skip that nobody sees would pass for a test: where everything must be installed, it fails. */
function unlessCi(isPossible: boolean, reason: string): string | false {
  return isPossible || process.env['CI'] ? false : reason
}

async function readyServer() {
  const logger = pino({ level: 'silent' })
  const metrics = buildMetrics()
  const context = {
    settings: config.profile,
    store: {} as ObjectStore,
    memory: new Memory(config.verifyIntervalMs, () => 0),
    turns: new Turns(),
    now: () => 0,
    syncBudgetMs: config.syncBudgetMs,
    proofPatienceMs: 0,
    log: logger,
    metrics
  }
  const server = buildServer({ config, context, metrics, logger })
  await server.ready()
  return server
}

/** `apps/v1 deployments`, as Metacontroller names a kind. */
function resourceOf({ apiVersion, resource }: Rule): string {
  return `${apiVersion} ${resource}`
}

function returnedResources(): string[] {
  const profile = profileFrom(requestFor('decorator', {}))
  const plan = planFor(profile, config.profile)
  const key = accessKeyFor(config.profile.rootKey, plan.user, 0)
  const resources = attachmentsFor(plan, { key, issuedAt: 0, isSettled: true }, config.profile).map(
    ({ apiVersion, kind }) => resourceOf({ apiVersion, resource: `${kind.toLowerCase()}s` })
  )
  return [...new Set(resources)].sort()
}

const ENABLED = 'pipelines.kubeflow.org/enabled'
const LABELS = [
  {},
  { other: 'true' },
  { [ENABLED]: 'true' },
  { [ENABLED]: 'false' },
  { [ENABLED]: '' },
  { [ENABLED]: 'True' },
  { [ENABLED]: 'False' }
]

function isOptedIn(kind: HookRequest['kind'], labels: Record<string, string>): boolean {
  return profileFrom(requestFor(kind, labels)).isOptedIn
}

function requestFor(kind: HookRequest['kind'], labels: Record<string, string>): HookRequest {
  const metadata = { name: 'team-a', uid: '7f0f8c1c-6a6e-4a0e-8d2b-9c8b7f0b2a10', labels }
  return {
    kind,
    parent: { kind: kind === 'composite' ? 'Profile' : 'Namespace', metadata },
    observed: []
  }
}

/** Kubernetes' rule for the two forms we use: NotIn holds for objects without the label, too. */
function matches(selector: Selector | undefined, labels: Record<string, string>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {}
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      if (operator !== 'NotIn') throw new Error(`This test does not know ${operator}`)
      return !values.includes(labels[key] ?? '\0')
    })
  )
}

type Grants = Record<string, string[]>

/** `apps/deployments` -> every verb that some rule allows. */
function grantsOf({ rules }: ClusterRole): Grants {
  const grants: Grants = {}
  for (const { apiGroups, resources, verbs } of rules) {
    for (const name of apiGroups.flatMap((group) => resources.map((one) => `${group}/${one}`))) {
      grants[name] = [...new Set([...(grants[name] ?? []), ...verbs])].sort()
    }
  }
  return grants
}

const READ = ['get', 'list', 'watch']

function neededGrants(kind: HookRequest['kind'], children: readonly Rule[]): Grants {
  const changes = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']
  const ofChildren = children.map(({ apiVersion, resource }) => {
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : ''
    return [`${group}/${resource}`, changes]
  })
  return {
    ...Object.fromEntries(ofChildren),
    ...(kind === 'composite' ? PROFILE_PARENT : NAMESPACE_PARENT),
    'metacontroller.k8s.io/compositecontrollers': READ,
    'metacontroller.k8s.io/decoratorcontrollers': READ,
    'metacontroller.k8s.io/controllerrevisions': READ,
    '/events': ['create', 'patch']
  }
}

const NAMESPACE_PARENT = {
  '/namespaces': ['get', 'list', 'update', 'watch'],
  '/namespaces/finalizers': ['update']
}

const PROFILE_PARENT = {
  '/namespaces': READ,
  'kubeflow.org/profiles': ['get', 'list', 'update', 'watch'],
  'kubeflow.org/profiles/status': ['update'],
  'kubeflow.org/profiles/finalizers': ['update'],
  'apiextensions.k8s.io/customresourcedefinitions': READ
}

interface JsonSchema {
  readonly properties?: Record<string, JsonSchema>
  readonly items?: JsonSchema
  readonly additionalProperties?: JsonSchema | boolean
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean
}

/** What the API server would refuse, and what it would drop without a word. */
function faultsOf(object: Controller): string[] {
  const ajv = new Ajv({
    strict: false,
    allErrors: true,
    formats: { int32: true, duration: /^([0-9.]+(ns|us|ms|s|m|h))+$/ }
  })
  const validate = ajv.compile(closed(schemaOf(object.kind)))
  validate(object)
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`
  )
}

function schemaOf(kind: string): JsonSchema {
  const definitions = parseAllDocuments(readFileSync(CRDS, 'utf8')).map((one) => one.toJS())
  const { spec } = definitions.find(({ spec }) => spec.names.kind === kind)
  return spec.versions.find(({ name }: { name: string }) => name === 'v1alpha1').schema
    .openAPIV3Schema
}

/** Fields that the schema does not know are faults; the API server prunes them. */
function closed(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties } = schema
  const isOpen = !properties || schema['x-kubernetes-preserve-unknown-fields'] === true
  return {
    ...schema,
    ...(properties && { properties: mapValues(properties, closed) }),
    ...(items && { items: closed(items) }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: closed(additionalProperties) }
      : !isOpen && { additionalProperties: false })
  }
}

function mapValues<V, R>(record: Record<string, V>, change: (value: V) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}

function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function kustomize(folder: string): unknown[] {
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })
  return parseAllDocuments(text).map((document) => document.toJS())
}

/** A user's own kustomization, which may name the folders only by relative paths. */
function overlayIn(t: Test): string {
  const folder = t.testdir()
  const path = relative(folder, FOLDER)
  return t.testdir({
    'kustomization.yaml': `resources: [${path}]\ncomponents: [${path}/composite]\n`
  })
}

function sorted(objects: readonly unknown[]): unknown[] {
  const kindOf = (object: unknown) => (object as { kind: string }).kind
  return [...objects].sort((a, b) => kindOf(a).localeCompare(kindOf(b)))
}
