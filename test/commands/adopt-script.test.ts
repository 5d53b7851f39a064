import t from 'tap'
import { kindToAnnotate, scriptFor, summaryOf } from '../../src/commands/adopt-script.ts'
import { clusterOf, plainNamespace, profileObject } from '../fixtures/kubectl.ts'

const ADOPTIONS = [
  { namespace: 'team-a', bucket: 'profile-team-a-00000001', contents: '3 objects' },
  { namespace: 'team-b', bucket: 'profile-team-b-00000001', contents: 'no objects' }
].map((adoption, index) => ({
  ...adoption,
  doubt: index === 0 ? undefined : 'nothing to have back'
}))

t.test('a line for each bucket, and a comment where there is a doubt', async (t) => {
  t.equal(
    scriptFor(ADOPTIONS, 'profile'),
    [
      'kubectl annotate profiles.kubeflow.org team-a pipelines.kubeflow.org/adopt-bucket=profile-team-a-00000001 # 3 objects',
      '# kubectl annotate profiles.kubeflow.org team-b pipelines.kubeflow.org/adopt-bucket=profile-team-b-00000001 # no objects; nothing to have back',
      ''
    ].join('\n')
  )
  t.match(scriptFor(ADOPTIONS, 'namespace'), /^kubectl annotate namespace team-a pipelines/)
  t.equal(scriptFor([], 'namespace'), '')
  t.equal(summaryOf(ADOPTIONS), '1 to give back, 1 to decide about')
})

t.test('the kind to annotate is named, or the only one in the list', async (t) => {
  const undecided = { name: 'Error', message: /^Say which to annotate: --parent namespace under / }
  t.equal(kindToAnnotate('namespace', [profileObject('team-a')]), 'namespace')
  t.equal(kindToAnnotate('profile'), 'profile')
  t.equal(kindToAnnotate(undefined, [profileObject('a'), profileObject('b')]), 'profile')
  t.equal(kindToAnnotate(undefined, [plainNamespace('a')]), 'namespace')
  t.throws(() => kindToAnnotate(undefined, clusterOf('team-a')), undecided)
  t.throws(() => kindToAnnotate(undefined), undecided)
  t.throws(() => kindToAnnotate('pod'), undecided)
})
