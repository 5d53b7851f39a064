import t, { type Test } from 'tap'
import { buildFilerApi } from '../../src/object-store/filer-api.ts'
import { buildGrpcChannel } from '../../src/object-store/grpc-channel.ts'
import { StoredIdentity } from '../../src/object-store/stored-identity.ts'
import { buildWriteQueue } from '../../src/object-store/write-queue.ts'
import { budget } from '../fixtures/builders.ts'
import {
  type FilerScript,
  grpcError,
  identityBytes,
  startStubFiler
} from '../fixtures/stub-filer.ts'
import { failureOf } from '../fixtures/stub-store.ts'

const NOT_FOUND = 5
const ALREADY_EXISTS = 6
const INTERNAL = 13
const ACCESS_KEY = { accessKeyId: 'KEY1', secretAccessKey: 'secret-of-key-1' }
const DESIRED = { policyName: 'policy-a', accessKey: ACCESS_KEY }
const KEY = ['KEY1', 'secret-of-key-1', 'Active'] as const
const LIVE = {
  policies: ['policy-a'],
  accessKeys: [{ accessKeyId: 'KEY1', isActive: true }],
  inlinePolicies: [],
  groups: []
}
const DOCUMENT = { Version: '2012-10-17', Statement: [] }
const missing = () => grpcError(NOT_FOUND)
const nothing = () => ({})

async function onStub(t: Test, script: FilerScript, clock?: () => number) {
  const stub = await startStubFiler(t, script)
  const writes: string[] = []
  const queue = buildWriteQueue((step) => writes.push(step))
  const channel = buildGrpcChannel(stub.filer.address, 'off')
  t.teardown(() => channel.close())
  const api = buildFilerApi(stub.filer, channel, queue, clock)
  const methods = () => stub.calls.map(({ method }) => method)
  return { ...stub, api, writes, methods }
}

t.test('ensureIdentity', async (t) => {
  t.test('makes a user with its key and its policy in one write', async (t) => {
    const { api, calls, writes } = await onStub(t, { CreateUser: nothing })
    await api.ensureIdentity('user-a', DESIRED, undefined, budget())
    const credential = { accessKey: 'KEY1', secretKey: 'secret-of-key-1', status: 'Active' }
    t.match(calls, [
      {
        method: 'CreateUser',
        request: {
          identity: { name: 'user-a', credentials: [credential], policyNames: ['policy-a'] }
        }
      }
    ])
    t.strictSame(writes, ['creating user user-a'])
  })

  t.test('takes a user that somebody else made meanwhile as it is', async (t) => {
    const identity = identityBytes({ name: 'user-a', keys: [KEY], policyNames: ['policy-a'] })
    const { api, methods } = await onStub(t, {
      CreateUser: () => grpcError(ALREADY_EXISTS),
      GetUser: () => ({ identity }),
      GetConfiguration: nothing
    })
    await api.ensureIdentity('user-a', DESIRED, undefined, budget())
    t.strictSame(methods(), ['CreateUser', 'GetUser', 'GetConfiguration'])
  })

  t.test('takes other rights away before it issues a key', async (t) => {
    const identity = identityBytes({ name: 'user-a', policyNames: ['other', 'policy-a'] })
    const { api, calls, writes } = await onStub(t, {
      GetUser: () => ({ identity }),
      UpdateUser: nothing,
      CreateAccessKey: nothing
    })
    const live = { ...LIVE, policies: ['other', 'policy-a'], accessKeys: [] }
    await api.ensureIdentity('user-a', DESIRED, live, budget())
    t.strictSame(writes, [
      'giving user user-a policy policy-a alone',
      'issuing an access key to user user-a'
    ])
    const written = new StoredIdentity(calls[1]?.request['identity'] as Buffer).toIdentity([])
    t.strictSame(written.policies, ['policy-a'])
  })

  t.test('activates a key', async (t) => {
    const identity = identityBytes({ name: 'user-a', keys: [['KEY1', 'secret', 'Inactive']] })
    const { api, calls } = await onStub(t, { GetUser: () => ({ identity }), UpdateUser: nothing })
    const live = { ...LIVE, accessKeys: [{ accessKeyId: 'KEY1', isActive: false }] }
    await api.ensureIdentity('user-a', DESIRED, live, budget())
    const { accessKeys } = new StoredIdentity(calls[1]?.request['identity'] as Buffer).toIdentity(
      []
    )
    t.strictSame(accessKeys, LIVE.accessKeys)
  })

  t.test('takes a key that is there already for issued, and no other failure', async (t) => {
    const answers = ['failed to create access key: access key KEY1 already exists', 'disk full']
    const { api } = await onStub(t, {
      CreateAccessKey: () => grpcError(INTERNAL, answers.shift())
    })
    const live = { ...LIVE, accessKeys: [] }
    await api.ensureIdentity('user-a', DESIRED, live, budget())
    t.match(
      await failureOf(api.ensureIdentity('user-a', DESIRED, live, budget())),
      '503 S3P_STORE_UNAVAILABLE: Object store unavailable while issuing an access key to user user-a for profile team-a: disk full (gRPC status 13)'
    )
  })

  t.test('gives no key to a user in a group', async (t) => {
    const { api, methods } = await onStub(t, {})
    const live = { ...LIVE, groups: ['admins'] }
    t.match(
      await failureOf(api.ensureIdentity('user-a', DESIRED, live, budget())),
      /^502 S3P_STORE_REJECTED: .* limiting user user-a for profile team-a: it is in group admins,/
    )
    t.strictSame(methods(), [])
  })

  t.test('neither hides an inline policy nor gives a key beside it', async (t) => {
    const { api, methods } = await onStub(t, {})
    const live = { ...LIVE, inlinePolicies: ['user-a_policy'], accessKeys: [] }
    t.match(
      await failureOf(api.ensureIdentity('user-a', DESIRED, live, budget())),
      /^502 S3P_STORE_REJECTED: .* limiting user user-a for profile team-a: it has rights of its own,/
    )
    t.strictSame(methods(), [])
  })

  t.test('says nothing of a secret, whatever the filer says', async (t) => {
    const { api } = await onStub(t, {
      CreateUser: () => grpcError(INTERNAL, 'cannot store secret-of-key-1')
    })
    const failure = await failureOf(api.ensureIdentity('user-a', DESIRED, undefined, budget()))
    t.match(failure, 'cannot store [redacted]')
    t.notMatch(failure, 'secret-of-key-1')
  })
})

t.test('a user that goes meanwhile stays away', async (t) => {
  const identity = identityBytes({ name: 'user-a', keys: [KEY], serviceAccountIds: ['sa:1'] })
  const { api, methods } = await onStub(t, {
    GetUser: () => ({ identity }),
    UpdateUser: missing,
    DeleteAccessKey: missing,
    DeleteServiceAccount: missing,
    DeleteUser: missing
  })
  await api.disableAccessKey('user-a', 'KEY1', budget())
  await api.deleteAccessKey('user-a', 'KEY1', budget())
  await api.deleteIdentity('user-a', LIVE, budget())
  t.strictSame(methods(), [
    ...['GetUser', 'UpdateUser'],
    'DeleteAccessKey',
    ...['GetUser', 'DeleteServiceAccount', 'DeleteUser']
  ])
})

t.test('a user that was never there', async (t) => {
  const { api } = await onStub(t, { GetUser: missing, DeleteUser: missing })
  t.equal(await api.readIdentity('user-a', budget()), undefined)
  await api.disableAccessKey('user-a', 'KEY1', budget())
  await api.deleteIdentity('user-a', LIVE, budget())
})

t.test('surveyIdentities', async (t) => {
  const users = ['user-a', 'user-b'].map((name) => identityBytes({ name, keys: [KEY] }))
  const groups = [{ name: 'admins', members: ['user-b'], policyNames: ['policy-of-admins'] }]
  const configuration = { identities: users, groups }
  const script: FilerScript = {
    GetConfiguration: () => ({ configuration }),
    ListPolicies: () => ({ policies: [{ name: 'policy-a', content: JSON.stringify(DOCUMENT) }] }),
    ListUsers: () => ({ usernames: ['user-a', 'user-b'] }),
    GetUser: ({ username }) => ({ identity: identityBytes({ name: username }) }),
    GetPolicy: ({ name }) => ({ name, content: JSON.stringify(DOCUMENT) }),
    DeletePolicy: nothing
  }

  t.test('says all of everybody in two calls, and remembers who is in a group', async (t) => {
    const { api, methods } = await onStub(t, script)
    t.strictSame(await api.listUsers(budget()), ['user-a', 'user-b'])
    const survey = await api.surveyIdentities(budget())
    t.strictSame(
      [...(survey?.identities ?? [])].map(([user, { groups }]) => [user, groups]),
      [
        ['user-a', []],
        ['user-b', ['admins']]
      ]
    )
    t.strictSame(survey?.policies.get('policy-a'), DOCUMENT)
    t.match(await api.readIdentity('user-a', budget()), { groups: [] })
    t.match(await api.readIdentity('user-b', budget()), { groups: ['admins'] })
    t.strictSame(methods(), [
      'ListUsers',
      ...['GetConfiguration', 'ListPolicies'],
      'GetUser',
      ...['GetUser', 'GetConfiguration']
    ])
  })

  t.test(
    'need not come before the groups of a user are known, and is not trusted for ever',
    async (t) => {
      let now = 0
      const { api, methods } = await onStub(t, script, () => now)
      t.match(await api.readIdentity('user-b', budget()), { groups: ['admins'] })
      t.match(await api.readIdentity('user-a', budget()), { groups: [] })
      now += 6 * 60_000
      t.match(await api.readIdentity('user-a', budget()), { groups: [] })
      t.strictSame(methods(), [
        ...['GetUser', 'GetConfiguration'],
        'GetUser',
        ...['GetUser', 'GetConfiguration']
      ])
    }
  )

  t.test('of a store that has nobody', async (t) => {
    const { api } = await onStub(t, { ...script, GetConfiguration: nothing, ListPolicies: nothing })
    t.equal((await api.surveyIdentities(budget()))?.identities.size, 0)
    t.equal(await api.deletePolicy('policy-a', budget()), 'deleted')
  })

  t.test('a policy that a group has is not deleted', async (t) => {
    const { api, methods } = await onStub(t, script)
    t.equal(await api.deletePolicy('policy-of-admins', budget()), 'attached')
    t.notOk(methods().includes('DeletePolicy'))
  })
})

t.test('ensurePolicy', async (t) => {
  const policy = { name: 'policy-a', document: DOCUMENT }
  const other = JSON.stringify({ ...DOCUMENT, Statement: [{ Effect: 'Allow' }] })

  t.test('writes over a policy that was edited, under its own name', async (t) => {
    const { api, writes } = await onStub(t, {
      GetPolicy: () => ({ content: other }),
      PutPolicy: nothing
    })
    t.equal(await api.ensurePolicy(policy, budget()), 'policy-a')
    t.strictSame(writes, ['restoring policy policy-a'])
  })

  t.test('creates one that is missing, and knows it again', async (t) => {
    let content: string | undefined
    const { api, writes } = await onStub(t, {
      GetPolicy: () => (content === undefined ? missing() : { content }),
      PutPolicy(policy) {
        content = policy.content
        return {}
      }
    })
    await api.ensurePolicy(policy, budget())
    t.equal(await api.ensurePolicy(policy, budget()), 'policy-a')
    t.strictSame(writes, ['creating policy policy-a'])
  })

  t.test('takes nothing but absence for absence', async (t) => {
    const { api, writes } = await onStub(t, { GetPolicy: () => grpcError(INTERNAL, 'disk full') })
    t.match(
      await failureOf(api.ensurePolicy(policy, budget())),
      'while reading policy policy-a for profile team-a: disk full'
    )
    t.strictSame(writes, [])
  })
})

t.test('deletePolicy and listPolicies', async (t) => {
  const { api, methods, writes } = await onStub(t, {
    GetPolicy: ({ name }) =>
      name === 'nowhere' ? missing() : { content: JSON.stringify(DOCUMENT) },
    GetConfiguration: () => ({
      configuration: { identities: [identityBytes({ name: 'user-a', policyNames: ['in-use'] })] }
    }),
    DeletePolicy: nothing,
    ListPolicies: () => ({ policies: [{ name: 'in-use', content: '{}' }] })
  })
  t.equal(await api.deletePolicy('nowhere', budget()), 'deleted')
  t.strictSame(writes, [], 'absence is fine')
  t.equal(await api.deletePolicy('in-use', budget()), 'attached')
  t.equal(await api.deletePolicy('free', budget()), 'deleted')
  t.strictSame(methods().slice(-3), ['GetPolicy', 'GetConfiguration', 'DeletePolicy'])
  t.strictSame(await api.listPolicies(budget()), ['in-use'])
})

t.test('disabling a key that is not there writes nothing', async (t) => {
  const identity = identityBytes({ name: 'user-a', keys: [KEY] })
  const { api, methods } = await onStub(t, { GetUser: () => ({ identity }) })
  await api.disableAccessKey('user-a', 'KEY9', budget())
  t.strictSame(methods(), ['GetUser'])
})
