import { Readable } from 'node:stream'
import t from 'tap'
import { ensureWhole, parentsIn, pipedText } from '../../src/commands/cluster-list.ts'
import { CommandFailed } from '../../src/errors.ts'
import {
  clusterOf,
  kubectlList,
  namespaceObject,
  plainNamespace,
  profileObject
} from '../fixtures/kubectl.ts'

function failureOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return error instanceof CommandFailed ? error.message : `not ours: ${error}`
  }
  return 'no failure'
}

t.test('pipedText', async (t) => {
  t.equal(await pipedText(Readable.from(['{', '}'])), '{}')
  const terminal = Object.assign(new Readable({ read() {} }), { isTTY: true })
  t.equal(await pipedText(terminal), '', 'waits for nobody to type')
})

t.test('parentsIn', async (t) => {
  t.test('reads what kubectl prints', async (t) => {
    const cluster = clusterOf('team-a')
    t.same(parentsIn(kubectlList(cluster)), cluster)
    t.same(parentsIn(kubectlList([])), [])
    t.same(parentsIn(JSON.stringify(profileObject('team-a'))), [profileObject('team-a')])
  })

  t.test('reads several lists, in whatever spelling', async (t) => {
    const [a, b] = [clusterOf('team-a'), clusterOf('team-b {}\n{')]
    t.same(parentsIn(kubectlList(a) + kubectlList(b)), [...a, ...b])
    const lines = [a, b].map((cluster) => JSON.stringify(JSON.parse(kubectlList(cluster))))
    t.same(parentsIn(lines.join('\r\n\n')), [...a, ...b])
  })

  t.test('refuses everything else in one sentence that quotes no secret', async (t) => {
    const secret = { apiVersion: 'v1', kind: 'Secret', data: { secretkey: 'c2VjcmV0' } }
    const foreign = { ...profileObject('team-a'), apiVersion: 'profiles.example/v1' }
    const nameless = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } }
    const table: [what: string, text: string, sentence: RegExp][] = [
      ['nothing', ' \n', /^Nothing came on standard input; pipe `kubectl get /],
      ['no JSON', 'NAME   AGE\nc2VjcmV0   1d\n', /^Standard input is not JSON/],
      ['half of a list', kubectlList(clusterOf('team-a')).slice(0, -10), /is not JSON/],
      ['a Secret', kubectlList([secret]), /^Standard input holds "Secret" of "v1"; give Profiles/],
      ['Profiles of others', kubectlList([foreign]), /"Profile" of "profiles\.example\/v1"/],
      ['no object', 'null', /^Standard input holds undefined of undefined; /],
      ['a list of a kind', '{"kind":"NamespaceList","items":[]}', /holds "NamespaceList" of undef/],
      ['a long kind', JSON.stringify({ kind: 'k'.repeat(500) }), /holds "k{79}; give/],
      ['one without a UID', kubectlList([nameless]), /object: Namespace\/metadata must have/]
    ]
    for (const [what, text, sentence] of table) {
      const message = failureOf(() => parentsIn(text))
      t.match(message, sentence, what)
      t.notMatch(message, 'c2VjcmV0', what)
      t.notMatch(message, '\n', what)
    }
    const profiles = kubectlList([{ apiVersion: 'kubeflow.org/v1', kind: 'Profile' }])
    t.match(
      failureOf(() => parentsIn(profiles)),
      /object: Profile must have required/
    )
  })
})

t.test('ensureWhole', async (t) => {
  const deletionTimestamp = '2026-01-31T12:00:00Z'
  const orphaned = (metadata = {}) => [...clusterOf(), namespaceObject('team-a', metadata)]
  const table: [what: string, parents: ReturnType<typeof clusterOf>, failure: RegExp][] = [
    ['a whole cluster', clusterOf('team-a'), /^no failure$/],
    ['a cluster without Profiles', clusterOf(), /^no failure$/],
    ['nothing at all', [], /every cluster has a Namespace default and kube-system; give all/],
    ['Profiles alone', [profileObject('team-a')], /a Namespace default and kube-system/],
    ['what a label selects', [plainNamespace('kube-system')], /has a Namespace default; give/],
    ['Namespaces alone', orphaned(), /has Namespace team-a, and not the Profile that owns it/],
    ['a Profile that is gone already', orphaned({ deletionTimestamp }), /^no failure$/]
  ]
  for (const [what, parents, failure] of table) {
    t.match(
      failureOf(() => ensureWhole(parents)),
      failure,
      what
    )
  }
})
