import t from 'tap'
import { planFor } from '../src/desired/plan.ts'
import { hookRequestFrom } from '../src/hooks.ts'
import { isNamespaceName, profileFrom } from '../src/profile.ts'
import { allRecordings, config, recording } from './fixtures/builders.ts'

const PROFILE_UID = '7f0f8c1c-6a6e-4a0e-8d2b-9c8b7f0b2a10'
const NAMESPACE_UID = '1c44ef16-0a17-4766-aa4a-831ba1a6a11e'

const CONTROLLING_OWNER = {
  apiVersion: 'kubeflow.org/v1',
  kind: 'Profile',
  name: 'team-a',
  uid: PROFILE_UID,
  controller: true
}

/** What a CompositeController on Profile sends, reduced to what this test is about. */
function compositeProfile(metadata: object = {}, children: object = {}) {
  const parent = {
    apiVersion: 'kubeflow.org/v1',
    kind: 'Profile',
    metadata: { name: 'team-a', uid: PROFILE_UID, ...metadata }
  }
  return profileFrom(hookRequestFrom({ parent, children }))
}

/** What a DecoratorController on Namespace sends. */
function decoratorProfile(metadata: object = {}, attachments: object = {}) {
  const object = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: 'team-a',
      uid: NAMESPACE_UID,
      labels: { 'pipelines.kubeflow.org/enabled': 'true' },
      ownerReferences: [CONTROLLING_OWNER],
      ...metadata
    }
  }
  return profileFrom(hookRequestFrom({ object, attachments }))
}

/** An object as the cluster shows it to Metacontroller. */
function observed(overrides: { kind?: string; metadata?: object; data?: object } = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    data: { accesskey: 'QUNDRVNT', secretkey: 'U0VDUkVU' },
    ...overrides,
    metadata: {
      name: 'mlpipeline-minio-artifact',
      namespace: 'team-a',
      uid: 'secret-uid-1',
      annotations: {
        'pipelines.kubeflow.org/credentials-seal': 'SEAL',
        'pipelines.kubeflow.org/credentials-issued-at': '2027-01-15T08:00:00Z'
      },
      ...overrides.metadata
    }
  }
}

t.test('profileFrom', async (t) => {
  t.test('reads a Profile', async (t) => {
    t.strictSame(compositeProfile(), {
      namespace: 'team-a',
      incarnation: PROFILE_UID,
      isOptedIn: true,
      isTerminating: false,
      going: undefined,
      skipsStorageCleanup: false,
      rotateAt: undefined,
      revokeBefore: undefined,
      adoptBucket: undefined,
      dataPolicy: undefined,
      createdAt: undefined,
      observedSecret: undefined
    })
  })

  t.test('tells one going from a later one', async (t) => {
    const deletionTimestamp = '2027-01-15T08:00:00Z'
    for (const read of [compositeProfile, decoratorProfile]) {
      t.equal(read({ resourceVersion: '7' }).going, '7', 'an opt-out may be taken back')
      const deleted = read({ resourceVersion: '7', deletionTimestamp })
      t.equal(deleted.going, deletionTimestamp, 'a deletion is for good')
    }
  })

  t.test('reads the same from the Namespace of that Profile', async (t) => {
    t.strictSame(decoratorProfile(), compositeProfile())
  })

  t.test('arrives at one incarnation for a recorded Profile and its Namespace', async (t) => {
    const { request } = recording('composite/customize-namespace').calls[0] ?? {}
    const namespace = request.related['Namespace.v1']['team-cust']
    const viaProfile = profileFrom(hookRequestFrom(request))
    const body = { object: namespace, attachments: request.children }
    const viaNamespace = profileFrom(hookRequestFrom(body))
    t.equal(viaProfile.incarnation, '8b8b366e-6984-4597-add5-434bfa9f7b16')
    const { going, createdAt } = viaProfile
    t.strictSame({ ...viaNamespace, going, createdAt }, viaProfile)
    const { profile: settings } = config()
    t.strictSame(planFor(viaNamespace, settings), planFor(viaProfile, settings))
  })

  t.test('tells the lives of one recorded name apart', async (t) => {
    for (const name of ['composite/same-name-recreation', 'decorator/same-name-recreation']) {
      const lives = recording(name)
        .calls.filter(({ hook }) => hook !== 'customize')
        .map(({ request }) => profileFrom(hookRequestFrom(request)))
      t.equal(new Set(lives.map(({ namespace }) => namespace)).size, 1, name)
      t.equal(new Set(lives.map(({ incarnation }) => incarnation)).size, 2, name)
    }
  })

  t.test('reads every recorded hook call', async (t) => {
    for (const { name, calls } of allRecordings()) {
      for (const { hook, request } of calls.filter(({ hook }) => hook !== 'customize')) {
        const { namespace, incarnation } = profileFrom(hookRequestFrom(request))
        const parent = request.parent ?? request.object
        t.equal(namespace, parent.metadata.name, `${name}: ${hook}`)
        const owner = parent.metadata.ownerReferences?.[0]?.uid
        t.equal(incarnation, owner ?? parent.metadata.uid, `${name}: ${hook}`)
      }
    }
  })

  t.test('takes the Namespace’s own life where no Profile owns it', async (t) => {
    const { request } = recording('decorator/namespace-without-profile').calls[0] ?? {}
    const { incarnation } = profileFrom(hookRequestFrom(request))
    t.equal(incarnation, '26bfbf83-6da3-460f-ab1f-256cb022b347')
  })

  const strangers: [what: string, owner: object][] = [
    ['does not control', { ...CONTROLLING_OWNER, controller: false }],
    ['does not say whether it controls', { ...CONTROLLING_OWNER, controller: undefined }],
    ['is of another API group', { ...CONTROLLING_OWNER, apiVersion: 'example.com/v1' }],
    ['is of a look-alike group', { ...CONTROLLING_OWNER, apiVersion: 'kubeflow.org.example/v1' }],
    ['is of a sub-group', { ...CONTROLLING_OWNER, apiVersion: 'x.kubeflow.org/v1' }],
    ['is of another kind', { ...CONTROLLING_OWNER, kind: 'Notebook' }]
  ]
  for (const [what, owner] of strangers) {
    t.test(`ignores an owner that ${what}`, async (t) => {
      t.equal(decoratorProfile({ ownerReferences: [owner] }).incarnation, NAMESPACE_UID)
      const both = decoratorProfile({ ownerReferences: [owner, CONTROLLING_OWNER] })
      t.equal(both.incarnation, PROFILE_UID, 'and still finds the right one')
    })
  }

  t.test('ignores the owners of a Profile', async (t) => {
    const owned = compositeProfile({ ownerReferences: [{ ...CONTROLLING_OWNER, uid: 'other' }] })
    t.equal(owned.incarnation, PROFILE_UID)
  })

  const optIns: [label: string | undefined, composite: boolean, decorator: boolean][] = [
    [undefined, true, false],
    ['true', true, true],
    ['false', false, false],
    ['', true, false],
    ['True', true, false]
  ]
  for (const [label, composite, decorator] of optIns) {
    t.test(`opts in by the label ${label === undefined ? 'missing' : `"${label}"`}`, async (t) => {
      const labels = label === undefined ? {} : { 'pipelines.kubeflow.org/enabled': label }
      t.equal(compositeProfile({ labels }).isOptedIn, composite, 'Profile')
      t.equal(decoratorProfile({ labels }).isOptedIn, decorator, 'Namespace')
    })
  }

  t.test('needs no labels at all', async (t) => {
    t.equal(compositeProfile({ labels: undefined }).isOptedIn, true)
    t.equal(decoratorProfile({ labels: undefined }).isOptedIn, false)
  })

  t.test('sees that the parent is going', async (t) => {
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z' }
    t.equal(compositeProfile(going).isTerminating, true)
    t.equal(decoratorProfile(going).isTerminating, true)
    const staying = { deletionTimestamp: undefined }
    t.equal(compositeProfile(staying).isTerminating, false)
    t.equal(decoratorProfile(staying).isTerminating, false)
  })

  t.test('skips the storage cleanup only when told so', async (t) => {
    const told = (value: string) => ({
      annotations: { 'pipelines.kubeflow.org/skip-storage-cleanup': value }
    })
    t.equal(compositeProfile(told('true')).skipsStorageCleanup, true)
    t.equal(decoratorProfile(told('true')).skipsStorageCleanup, true)
    for (const value of ['false', '', 'yes']) {
      t.equal(decoratorProfile(told(value)).skipsStorageCleanup, false, `"${value}"`)
    }
  })

  t.test('takes over what is asked of the key as the annotations spell it', async (t) => {
    for (const text of ['2027-01-15T08:00:00Z', '', 'soon']) {
      const rotate = { 'pipelines.kubeflow.org/rotate-credentials-at': text }
      const revoke = { 'pipelines.kubeflow.org/revoke-credentials-before': text }
      for (const profileOf of [compositeProfile, decoratorProfile]) {
        const rotated = profileOf({ annotations: rotate })
        t.match(rotated, { rotateAt: text, revokeBefore: undefined })
        const revoked = profileOf({ annotations: revoke })
        t.match(revoked, { rotateAt: undefined, revokeBefore: text })
      }
    }
  })

  t.test('takes over the data policy as the annotation spells it', async (t) => {
    for (const text of ['Delete/team-a', 'Retain', '', 'delete']) {
      const annotations = { 'pipelines.kubeflow.org/data-policy': text }
      t.equal(compositeProfile({ annotations }).dataPolicy, text)
      t.equal(decoratorProfile({ annotations }).dataPolicy, text)
    }
  })

  const spellings: [what: string, groups: object][] = [
    ['v1', { 'Secret.v1': { 'team-a/mlpipeline-minio-artifact': observed() } }],
    ['v1 of a namespaced parent', { 'Secret.v1': { 'mlpipeline-minio-artifact': observed() } }],
    ['v2', { 'Secret.v1': { 'team-a/mlpipeline-minio-artifact': observed() }, 'ConfigMap.v1': {} }],
    ['any other', { whatever: { 'not/a/name': observed() } }]
  ]
  for (const [what, groups] of spellings) {
    t.test(`finds the Secret by kind and name under ${what} keys`, async (t) => {
      const expected = {
        uid: 'secret-uid-1',
        seal: 'SEAL',
        issuedAt: '2027-01-15T08:00:00Z',
        accessKeyId: 'ACCESS',
        secretAccessKey: 'SECRET'
      }
      t.strictSame(compositeProfile({}, groups).observedSecret, expected)
      t.strictSame(decoratorProfile({}, groups).observedSecret, expected)
    })
  }

  const others: [what: string, object: object][] = [
    ['of another name', observed({ metadata: { name: 'other' } })],
    ['in another namespace', observed({ metadata: { namespace: 'team-b' } })],
    ['without a namespace', observed({ metadata: { namespace: undefined } })],
    ['of another kind', observed({ kind: 'ConfigMap' })]
  ]
  for (const [what, object] of others) {
    t.test(`ignores an object ${what}`, async (t) => {
      const key = 'team-a/mlpipeline-minio-artifact'
      t.equal(compositeProfile({}, { 'Secret.v1': { [key]: object } }).observedSecret, undefined)
      const second = { 'Secret.v1': { [key]: object, second: observed() } }
      t.equal(decoratorProfile({}, second).observedSecret?.uid, 'secret-uid-1')
    })
  }

  t.test('reads what a Secret lacks as empty', async (t) => {
    const secretWith = (overrides: object) =>
      compositeProfile({}, { 'Secret.v1': { secret: observed(overrides) } }).observedSecret
    const empty = {
      uid: 'secret-uid-1',
      seal: 'SEAL',
      issuedAt: '2027-01-15T08:00:00Z',
      accessKeyId: '',
      secretAccessKey: ''
    }
    t.strictSame(secretWith({ data: undefined }), empty)
    t.strictSame(secretWith({ data: { AWS_ACCESS_KEY_ID: 'QUNDRVNT' } }), empty)
    t.strictSame(secretWith({ data: { accesskey: 'QUNDRVNT' } }), {
      ...empty,
      accessKeyId: 'ACCESS'
    })
    t.equal(secretWith({ metadata: { uid: undefined } })?.uid, undefined)
    const unsealed = [
      undefined,
      {},
      { 'serving.kserve.io/s3-region': 'us-east-1' },
      { 'pipelines.kubeflow.org/credentials-sea': 'SEAL' }
    ]
    for (const annotations of unsealed) {
      t.strictSame(secretWith({ metadata: { annotations } }), {
        uid: 'secret-uid-1',
        seal: undefined,
        issuedAt: undefined,
        accessKeyId: 'ACCESS',
        secretAccessKey: 'SECRET'
      })
    }
  })

  t.test('reads whatever a tenant wrote into the Secret, and gives it back as it is', async (t) => {
    const secretWith = (overrides: object) =>
      compositeProfile({}, { 'Secret.v1': { secret: observed(overrides) } }).observedSecret
    for (const value of [null, '', '%', 7, true, ['x'], { x: 'y' }, 'QUND\nRVNT']) {
      const secret = secretWith({ data: { accesskey: value, secretkey: 'U0VDUkVU' } })
      t.type(secret?.accessKeyId, 'string', JSON.stringify(value))
      t.equal(secret?.secretAccessKey, 'SECRET')
    }
    for (const uid of ['', 'x'.repeat(1_000)]) t.equal(secretWith({ metadata: { uid } })?.uid, uid)
    const annotations = { 'pipelines.kubeflow.org/credentials-seal': '' }
    t.equal(secretWith({ metadata: { annotations } })?.seal, '')
  })
})

t.test('isNamespaceName', async (t) => {
  for (const name of ['a', '0', 'team-a', '1-2', 'a--b', `a${'b'.repeat(62)}`]) {
    t.equal(isNamespaceName(name), true, name)
  }
  const impossible = [
    '',
    '-a',
    'a-',
    'Team',
    'a.b',
    'a_b',
    'a/b',
    'a b',
    'a\n',
    'ä',
    'a'.repeat(64)
  ]
  for (const name of impossible) t.equal(isNamespaceName(name), false, JSON.stringify(name))
})
