import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { type ClusterObject, examineCluster } from '../../src/commands/doctor-cluster.ts'
import { config } from '../fixtures/builders.ts'

const URL_OF_HOOK = 'http://kubeflow-pipelines-profile-controller.kubeflow.svc/sync'
const webhook = { url: URL_OF_HOOK, timeout: '30s', authorization: { type: 'Bearer' } }

function controller(kind = 'DecoratorController', overrides: object = {}): ClusterObject {
  const hooks = { sync: { webhook }, finalize: { webhook } }
  return { kind, metadata: { name: 'ours' }, spec: { hooks: { ...hooks, ...overrides } } }
}

function workload(image: string, args: string[] = []): ClusterObject {
  return {
    kind: 'StatefulSet',
    metadata: { name: 'metacontroller', namespace: 'kubeflow' },
    spec: {
      template: {
        spec: { serviceAccountName: 'meta-controller-service', containers: [{ image, args }] }
      }
    }
  }
}

function rights(kinds: ClusterObject['rules']): ClusterObject[] {
  const subjects = [{ name: 'meta-controller-service', namespace: 'kubeflow' }]
  const other = {
    kind: 'ClusterRoleBinding',
    subjects: [{ name: 'other' }],
    roleRef: { name: 'x' }
  }
  return [
    { kind: 'ClusterRoleBinding', subjects, roleRef: { name: 'metacontroller' } },
    other,
    { kind: 'ClusterRoleBinding' },
    { kind: 'ClusterRole', metadata: { name: 'metacontroller' }, ...(kinds && { rules: kinds }) },
    { kind: 'ClusterRole', metadata: { name: 'x' }, rules: EVERYTHING }
  ]
}

const EVERYTHING = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]
const METACONTROLLER = workload('ghcr.io/metacontroller/metacontroller:v4.16.2')

function findings(objects: ClusterObject[] | undefined, overrides: Record<string, string> = {}) {
  return examineCluster(config(overrides), objects)
}

t.test('a cluster that lacks nothing', async (t) => {
  for (const one of [
    controller(),
    controller('CompositeController', {
      sync: {
        webhook: {
          ...webhook,
          url: undefined,
          service: { name: new URL(URL_OF_HOOK).hostname.split('.')[0] }
        }
      }
    })
  ]) {
    const found = findings([one, METACONTROLLER, ...rights(EVERYTHING)])
    t.same(
      found.map(({ verdict }) => verdict),
      ['ok', 'ok', 'ok', 'ok']
    )
  }
})

t.test('what was not given is skipped', async (t) => {
  t.match(findings(undefined), [{ check: 'Metacontroller', verdict: 'skipped', remedy: /^pipe/ }])
  const withRetention = findings(undefined, { ARTIFACT_RETENTION_DAYS: '7' })
  t.match(withRetention[1], { check: 'retention', verdict: 'skipped' })
  t.match(findings([controller(), METACONTROLLER]).at(-1), { verdict: 'skipped', check: /^rights/ })
})

t.test('controllers', async (t) => {
  const nobody = {
    kind: 'DecoratorController',
    spec: { hooks: { sync: { webhook: { url: '?' } } } }
  }
  for (const objects of [[], [nobody], [{ kind: 'CompositeController' }]]) {
    t.match(findings(objects)[0], { verdict: 'failed', evidence: 'nobody calls the hook' })
  }
  const [two] = findings([controller(), controller('CompositeController')])
  t.match(two, { verdict: 'failed', evidence: /^DecoratorController ours and CompositeController/ })
})

t.test('hooks', async (t) => {
  const { authorization: _, ...withoutToken } = webhook
  const { timeout: __, ...withDefaultTimeout } = webhook
  const cases: [overrides: object, env: Record<string, string>, verdict: string, text: RegExp][] = [
    [{ sync: { webhook: withoutToken } }, {}, 'failed', /sync hook carries no token/],
    [{ finalize: undefined }, {}, 'warning', /has no finalize hook/],
    [
      {},
      { HOOK_TLS_CERT_FILE: '/tls.crt', HOOK_TLS_KEY_FILE: '/tls.key' },
      'failed',
      /sync hook is not called by https/
    ],
    [
      { sync: { webhook: { ...webhook, url: URL_OF_HOOK.replace('http:', 'https:') } } },
      {},
      'failed',
      /sync hook is not called by http,/
    ],
    [
      { finalize: { webhook: withDefaultTimeout } },
      {},
      'failed',
      /finalize hook gives up after 10s/
    ],
    [{ sync: { webhook: { ...webhook, timeout: 'soon' } } }, {}, 'failed', /gives up after soon/],
    [{ sync: { webhook: { ...webhook, timeout: '0m24.9s' } } }, {}, 'failed', /after 0m24.9s/],
    [{ sync: { webhook: { ...webhook, timeout: '1m0.5s' } } }, {}, 'ok', /time enough/],
    [{}, { SYNC_BUDGET: '30s' }, 'failed', /gives up after 30s, and the hook works for 30s/],
    [
      { sync: { webhook: withoutToken } },
      { HOOK_AUTH: 'none', HOOK_TOKEN: '' },
      'ok',
      /token and time enough/
    ]
  ]
  for (const [overrides, env, verdict, evidence] of cases) {
    t.match(findings([controller('DecoratorController', overrides)], env)[1], { verdict, evidence })
  }
})

t.test('versions of Metacontroller', async (t) => {
  const cases: [image: string, verdict: string, evidence: RegExp][] = [
    ['ghcr.io/metacontroller/metacontroller:v4.16.2', 'ok', /^version 4\.16$/],
    ['metacontrollerio/metacontroller:v4.11.22', 'failed', /version 4\.11 cannot send a token/],
    ['registry:5000/metacontroller@sha256:0123', 'skipped', /does not tell its version/]
  ]
  for (const [image, verdict, evidence] of cases) {
    const found = findings([controller(), workload(image)])
    t.match(
      found.find(({ check }) => check === 'Metacontroller'),
      { verdict, evidence }
    )
  }
  const old = workload('metacontrollerio/metacontroller:v4.11.22')
  const open = findings([controller(), old], { HOOK_AUTH: 'none', HOOK_TOKEN: '' })
  t.match(
    open.find(({ check }) => check === 'Metacontroller'),
    { verdict: 'ok' }
  )

  const anonymous = { spec: { template: { spec: { containers: [{}] } } } }
  const none = findings([controller(), anonymous, {}])
  t.match(none.at(-1), { verdict: 'failed', evidence: /^no StatefulSet or Deployment/ })
})

t.test('rights of Metacontroller', async (t) => {
  const LOOK = ['get', 'list', 'watch']
  const without = findings([
    controller(),
    METACONTROLLER,
    ...rights([
      { apiGroups: [''], resources: ['secrets'], verbs: [...LOOK, 'create', 'update'] },
      { apiGroups: [''], resources: ['namespaces'], verbs: ['*'], resourceNames: ['team-a'] },
      {}
    ])
  ]).at(-1)
  t.match(without, {
    verdict: 'failed',
    evidence: /^ServiceAccount meta-controller-service may not delete secrets; get, .*namespaces/,
    remedy: /^apply metacontroller\/decorator-rbac.yaml, with this/
  })
  const composite = [controller('CompositeController'), METACONTROLLER]
  t.match(findings([...composite, ...rights(undefined)]).at(-1), {
    verdict: 'failed',
    evidence: /update profiles\/status/,
    remedy: /^apply metacontroller\/composite-rbac.yaml, with this/
  })
  const nameless = { spec: { template: { spec: { containers: [{ image: 'metacontroller' }] } } } }
  const ofDefault = findings([controller(), nameless, ...rights(EVERYTHING)]).at(-1)
  t.match(ofDefault, { verdict: 'failed', evidence: /^ServiceAccount default may not/ })
})

t.test('the rights that we ship are those that it asks for', async (t) => {
  for (const kind of ['Decorator', 'Composite']) {
    const file = `../../metacontroller/${kind.toLowerCase()}-rbac.yaml`
    const shipped = parseAllDocuments(readFileSync(new URL(file, import.meta.url), 'utf8'))
    const roles = shipped.map((document): ClusterObject => document.toJS())
    const found = findings([controller(`${kind}Controller`), METACONTROLLER, ...roles]).at(-1)
    t.match(found, { check: /^rights/, verdict: 'ok' }, kind)
  }
})

t.test('retention needs a worker', async (t) => {
  const env = { ARTIFACT_RETENTION_DAYS: '7' }
  const store = workload('ghcr.io/chrislusf/seaweedfs:4.48', ['server', '-s3'])
  t.match(findings([store], env).at(-1), { check: 'retention', verdict: 'failed' })
  const worker = workload('ghcr.io/chrislusf/seaweedfs:4.48', ['worker', '-admin=localhost:23646'])
  t.match(findings([{}, workload('other', ['worker']), worker], env).at(-1), { verdict: 'ok' })
  const other = workload('other', ['worker'])
  t.match(findings([{ spec: { template: { spec: { containers: [{}] } } } }, other], env).at(-1), {
    verdict: 'failed'
  })
})
