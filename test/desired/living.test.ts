import t from 'tap'
import { livingFrom } from '../../src/desired/living.ts'
import { ADOPT_ANNOTATION, planFor } from '../../src/desired/plan.ts'
import type { KubernetesObject } from '../../src/hooks.ts'
import { config, profile } from '../fixtures/builders.ts'
import { clusterOf, namespaceObject, plainNamespace, profileObject } from '../fixtures/kubectl.ts'

const settings = config().profile
const nameOf = (namespace: string, incarnation: string) =>
  planFor(profile({ namespace, incarnation }), settings).user

t.test('livingFrom', async (t) => {
  const ofProfile = nameOf('team-a', 'profile-uid-of-team-a')
  const ofNamespace = nameOf('team-a', 'namespace-uid-of-team-a')
  const adopting = (bucket: string) => ({ annotations: { [ADOPT_ANNOTATION]: bucket } })
  const earlier = 'profile-team-a-0123abcd'
  const deletionTimestamp = '2026-01-31T12:00:00Z'
  const labels = { 'pipelines.kubeflow.org/enabled': 'false' }
  const table: [what: string, parents: ReturnType<typeof profileObject>[], names: string[]][] = [
    ['a Profile', [profileObject('team-a')], [ofProfile]],
    ['its Namespace', [namespaceObject('team-a')], [ofProfile]],
    ['a Namespace of nobody', [plainNamespace('team-a')], [ofNamespace]],
    [
      'a Namespace that lost its Profile, and the Profile',
      [profileObject('team-a'), plainNamespace('team-a')],
      [ofProfile, ofNamespace]
    ],
    ['one that is about to go', [profileObject('team-a', { deletionTimestamp })], [ofProfile]],
    ['one that opted out', [profileObject('team-a', { labels })], [ofProfile]],
    ['one that adopts', [profileObject('team-a', adopting(earlier))], [ofProfile, earlier]],
    [
      'one that adopts what is another’s',
      [namespaceObject('team-a', adopting('profile-team-b-0123abcd'))],
      [ofProfile]
    ],
    ['a Profile that can have no Namespace', [profileObject('team.a')], []],
    ['nobody', [], []]
  ]
  for (const [what, parents, names] of table) {
    t.same([...livingFrom(parents, settings).names], names, what)
  }
})

t.test('whose a name is, whichever life it belongs to', async (t) => {
  const long = 'n'.repeat(60)
  const { namespaces } = livingFrom(clusterOf('team-a', long), settings)
  t.equal(namespaces.get('profile-team-a'), 'team-a')
  t.equal(namespaces.get('profile-team'), undefined)
  t.equal(namespaces.get(nameOf(long, 'an-earlier-life').slice(0, -9)), long)
})

t.test('who is settling', async (t) => {
  const until = '2026-01-31T12:00:00Z'
  const annotations = { 'pipelines.kubeflow.org/credentials-settling-until': until }
  const saying = (type: string, message: string) => ({
    ...profileObject('team-a'),
    status: { conditions: [null, { type, message }] }
  })
  const ready = 'Credentials are issued, and access and isolation are proven'
  const table: [what: string, parent: KubernetesObject, settling: string[]][] = [
    ['a Namespace', namespaceObject('team-a', { annotations }), ['profile-team-a']],
    [
      'a Profile',
      saying('ObjectStorageReady', `${ready}; the key before works until ${until}`),
      ['profile-team-a']
    ],
    ['a settled Profile', saying('ObjectStorageReady', ready), []],
    ['what others say', saying('Ready', `the key before works until ${until}`), []],
    ['no conditions', { ...profileObject('team-a'), status: { conditions: 'none' } }, []],
    ['no status', profileObject('team-a'), []]
  ]
  for (const [what, parent, settling] of table) {
    t.same([...livingFrom([parent], settings).settling], settling, what)
  }
})
