import aws4 from 'aws4'
import t from 'tap'
import type { StoreSettings } from '../../src/config.ts'
import type { Identity } from '../../src/desired/identity.ts'
import { buildIamApi } from '../../src/object-store/iam-api.ts'
import type { Budget } from '../../src/object-store/object-store.ts'
import { buildWriteQueue } from '../../src/object-store/write-queue.ts'
import { budget } from '../fixtures/builders.ts'
import { EXISTS, iamOn, NO_SUCH_ENTITY, POLICY } from '../fixtures/stub-iam.ts'
import {
  budgetOfAHangingCall,
  failureOf,
  iamAnswer,
  iamError,
  refusingSettings,
  type Script,
  type StubAnswer,
  type StubRequest,
  s3Error,
  startStubStore
} from '../fixtures/stub-store.ts'

const USER = 'profile-team-a-01234567'
const ACCESS_KEY = {
  accessKeyId: 'KFPAAAAAAAWMKTBD5L2G',
  secretAccessKey: 'S6XT2UMNXHMXP6MWRPT7QQXJ7ICANGU4H3VNR2MR'
}
const DESIRED = { policyName: POLICY.name, accessKey: ACCESS_KEY }
const SETTLED: Identity = {
  policies: [POLICY.name],
  accessKeys: [{ accessKeyId: ACCESS_KEY.accessKeyId, isActive: true }],
  inlinePolicies: [],
  groups: []
}

/** What another implementation makes of the very same request. */
function signatureOf({ body, headers }: StubRequest, { credentials }: StoreSettings) {
  const [, signed = ''] = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? []
  const names = signed.split(';')
  const kept = Object.fromEntries(names.map((name) => [name, headers[name] as string]))
  const request = { service: 'iam', region: 'us-east-1', method: 'POST', path: '/', body }
  const { host } = headers
  const signature = aws4.sign({ ...request, host: host ?? '', headers: kept }, { ...credentials })
  return signature.headers?.['Authorization']
}

t.test('surveyIdentities has nothing to say: no call shows more than one user', async (t) => {
  const { stub, iam } = await iamOn(t, {})
  t.equal(await iam.surveyIdentities(budget()), undefined)
  t.strictSame(stub.operations(), [])
})

t.test('listUsers', async (t) => {
  const page = (users: string[], rest = '') => {
    const members = users.map((name) => `<member><UserName>${name}</UserName></member>`)
    return iamAnswer('ListUsers', `<Users>${members.join('')}</Users>${rest}`)
  }
  const next = (marker: string) => `<IsTruncated>true</IsTruncated><Marker>${marker}</Marker>`

  t.test('names the users of all pages', async (t) => {
    const { stub, iam, writes } = await iamOn(t, {
      ListUsers: [page(['a', 'b'], next('1')), page([], next('2')), page([USER])]
    })
    t.strictSame(await iam.listUsers(budget()), ['a', 'b', USER])
    t.strictSame(
      stub.requests.map(({ form }) => form['Marker']),
      [undefined, '1', '2']
    )
    t.strictSame(writes, [])
  })

  const ends: [what: string, answer: StubAnswer, users: string[]][] = [
    ['a store without users', iamAnswer('ListUsers'), []],
    ['a user without a name', iamAnswer('ListUsers', '<Users><member/></Users>'), []],
    ['a marker after the last page', page(['a'], '<Marker>once-more</Marker>'), ['a']],
    ['a page without the next marker', page(['a'], '<IsTruncated>true</IsTruncated>'), ['a']]
  ]
  for (const [what, answer, users] of ends) {
    t.test(`ends with ${what}`, async (t) => {
      const { stub, iam } = await iamOn(t, { ListUsers: answer })
      t.strictSame(await iam.listUsers(budget()), users)
      t.strictSame(stub.operations(), ['ListUsers'])
    })
  }

  t.test('says what the store refuses', async (t) => {
    const { iam } = await iamOn(t, { ListUsers: s3Error(403, 'AccessDenied') })
    t.match(
      await failureOf(iam.listUsers(budget())),
      /^502 S3P_STORE_REJECTED: Object store refused listing the users for profile team-a: .*HTTP 403/
    )
  })
})

t.test('readIdentity', async (t) => {
  const page = (policies: string[], marker?: string) => {
    const members = policies.map(
      (name) => `<member><PolicyName>${name}</PolicyName><PolicyArn>x</PolicyArn></member>`
    )
    const more = marker === undefined ? '' : `<Marker>${marker}</Marker>`
    const list = `<AttachedPolicies>${members.join('')}</AttachedPolicies>`
    const isTruncated = `<IsTruncated>${marker !== undefined}</IsTruncated>`
    return iamAnswer('ListAttachedUserPolicies', list + isTruncated + more)
  }
  const keys = (...members: string[]) => {
    const list = members.map((fields) => `<member>${fields}</member>`).join('')
    return iamAnswer('ListAccessKeys', `<AccessKeyMetadata>${list}</AccessKeyMetadata>`)
  }
  const found = {
    GetUser: iamAnswer('GetUser', `<User><UserName>${USER}</UserName></User>`),
    ListUserPolicies: iamAnswer('ListUserPolicies'),
    ListGroupsForUser: iamAnswer('ListGroupsForUser')
  }

  t.test('knows that there is no such user', async (t) => {
    const { stub, iam } = await iamOn(t, { GetUser: NO_SUCH_ENTITY })
    t.equal(await iam.readIdentity(USER, budget()), undefined)
    t.strictSame(stub.operations(), ['GetUser'])
    t.equal(stub.request('GetUser').form['UserName'], USER)
  })

  t.test('reads the policies and keys of a user', async (t) => {
    const { stub, iam, writes } = await iamOn(t, {
      ...found,
      ListAttachedUserPolicies: page(['policy-a', 'policy-b']),
      ListAccessKeys: keys(
        '<AccessKeyId>KEY1</AccessKeyId><Status>Active</Status>',
        '<AccessKeyId>KEY2</AccessKeyId><Status>Inactive</Status>',
        '<AccessKeyId>KEY3</AccessKeyId>'
      )
    })
    t.strictSame(await iam.readIdentity(USER, budget()), {
      policies: ['policy-a', 'policy-b'],
      accessKeys: [
        { accessKeyId: 'KEY1', isActive: true },
        { accessKeyId: 'KEY2', isActive: false },
        { accessKeyId: 'KEY3', isActive: true }
      ],
      inlinePolicies: [],
      groups: []
    })
    t.equal(stub.request('ListAttachedUserPolicies').form['UserName'], USER)
    t.equal(stub.request('ListAccessKeys').form['UserName'], USER)
    t.strictSame(writes, [])
  })

  t.test('reads the other rights of a user', async (t) => {
    const { stub, iam } = await iamOn(t, {
      ...found,
      ListAttachedUserPolicies: page([]),
      ListAccessKeys: keys(),
      ListUserPolicies: iamAnswer(
        'ListUserPolicies',
        '<PolicyNames><member>KubeflowProjectteam-a</member></PolicyNames>'
      ),
      ListGroupsForUser: iamAnswer(
        'ListGroupsForUser',
        '<Groups><member><GroupName>ours</GroupName></member><member/></Groups>'
      )
    })
    const { inlinePolicies, groups } = (await iam.readIdentity(USER, budget())) ?? {}
    t.strictSame(inlinePolicies, ['KubeflowProjectteam-a'])
    t.strictSame(groups, ['ours', ''])
    t.equal(stub.request('ListUserPolicies').form['UserName'], USER)
    t.equal(stub.request('ListGroupsForUser').form['UserName'], USER)
  })

  t.test('reads a user that has nothing', async (t) => {
    const { iam } = await iamOn(t, {
      ...found,
      ListAttachedUserPolicies: iamAnswer('ListAttachedUserPolicies'),
      ListAccessKeys: iamAnswer('ListAccessKeys')
    })
    const nothing = { policies: [], accessKeys: [], inlinePolicies: [], groups: [] }
    t.strictSame(await iam.readIdentity(USER, budget()), nothing)
  })

  t.test('reads all pages of policies', async (t) => {
    const { stub, iam } = await iamOn(t, {
      ...found,
      ListAttachedUserPolicies: [
        page(['policy-a'], 'next-1'),
        page([], 'next-2'),
        page(['policy-b'])
      ],
      ListAccessKeys: keys()
    })
    const { policies } = (await iam.readIdentity(USER, budget())) ?? {}
    t.strictSame(policies, ['policy-a', 'policy-b'])
    const pages = stub.requests.filter(({ operation }) => operation === 'ListAttachedUserPolicies')
    t.strictSame(
      pages.map(({ form }) => form['Marker']),
      [undefined, 'next-1', 'next-2']
    )
  })

  t.test('is not led on by a marker after the last page', async (t) => {
    const list = '<IsTruncated>false</IsTruncated><Marker>once-more</Marker>'
    const { stub, iam } = await iamOn(t, {
      ...found,
      ListAttachedUserPolicies: iamAnswer('ListAttachedUserPolicies', list),
      ListAccessKeys: keys()
    })
    await iam.readIdentity(USER, budget())
    t.strictSame(stub.operations().sort(), [
      'GetUser',
      'ListAccessKeys',
      'ListAttachedUserPolicies',
      'ListGroupsForUser',
      'ListUserPolicies'
    ])
  })

  t.test('leaves out what has no name', async (t) => {
    const { iam } = await iamOn(t, {
      ...found,
      ListAttachedUserPolicies: iamAnswer(
        'ListAttachedUserPolicies',
        '<AttachedPolicies><member><PolicyArn>x</PolicyArn></member></AttachedPolicies>'
      ),
      ListAccessKeys: keys('<Status>Active</Status>')
    })
    t.strictSame(await iam.readIdentity(USER, budget()), {
      policies: [],
      accessKeys: [{ accessKeyId: '', isActive: true }],
      inlinePolicies: [],
      groups: []
    })
  })
})

t.test('ensureIdentity', async (t) => {
  const issued = (accessKeyId: string) =>
    iamAnswer('CreateAccessKey', `<AccessKey><AccessKeyId>${accessKeyId}</AccessKeyId></AccessKey>`)
  const obedient: Script = {
    CreateUser: iamAnswer('CreateUser', '<User/>'),
    AttachUserPolicy: iamAnswer('AttachUserPolicy'),
    DetachUserPolicy: iamAnswer('DetachUserPolicy'),
    CreateAccessKey: issued(ACCESS_KEY.accessKeyId),
    DeleteUserPolicy: iamAnswer('DeleteUserPolicy'),
    RemoveUserFromGroup: iamAnswer('RemoveUserFromGroup'),
    UpdateAccessKey: iamAnswer('UpdateAccessKey'),
    DeleteAccessKey: iamAnswer('DeleteAccessKey')
  }

  t.test('makes a user, its limits and then its key', async (t) => {
    const { stub, iam, writes } = await iamOn(t, obedient)
    await iam.ensureIdentity(USER, DESIRED, undefined, budget())
    t.strictSame(stub.operations(), ['CreateUser', 'AttachUserPolicy', 'CreateAccessKey'])
    t.strictSame(writes, [
      `creating user ${USER}`,
      `attaching policy ${POLICY.name} to user ${USER}`,
      `issuing an access key to user ${USER}`
    ])
    for (const { form } of stub.requests) t.equal(form['UserName'], USER)
    t.equal(
      stub.request('AttachUserPolicy').form['PolicyArn'],
      `arn:aws:iam:::policy/${POLICY.name}`
    )
  })

  t.test('sends the pair in the signed body', async (t) => {
    const { stub, iam } = await iamOn(t, obedient)
    await iam.ensureIdentity(USER, DESIRED, undefined, budget())
    const { body, form, headers } = stub.request('CreateAccessKey')
    t.strictSame(form, {
      Action: 'CreateAccessKey',
      Version: '2010-05-08',
      UserName: USER,
      AccessKeyId: ACCESS_KEY.accessKeyId,
      SecretAccessKey: ACCESS_KEY.secretAccessKey
    })
    t.equal(headers['content-length'], String(body.length), 'the whole body is announced')
    t.equal(headers.authorization, signatureOf(stub.request('CreateAccessKey'), stub.settings))
  })

  t.test('writes nothing when all is as it should be', async (t) => {
    const { stub, iam, writes } = await iamOn(t, {})
    await iam.ensureIdentity(USER, DESIRED, SETTLED, budget())
    t.strictSame(stub.operations(), [])
    t.strictSame(writes, [])
  })

  t.test('writes only what differs', async (t) => {
    const bare = { ...SETTLED, policies: [], accessKeys: [] }
    const differences: [what: string, live: Identity, operations: string[]][] = [
      ['nothing', bare, ['AttachUserPolicy', 'CreateAccessKey']],
      ['no policy', { ...SETTLED, policies: [] }, ['AttachUserPolicy']],
      ['no key', { ...SETTLED, accessKeys: [] }, ['CreateAccessKey']],
      [
        'foreign policies',
        { ...SETTLED, policies: ['foreign-a', POLICY.name, 'foreign-b'] },
        ['DetachUserPolicy', 'DetachUserPolicy']
      ],
      [
        'another policy only',
        { ...SETTLED, policies: ['foreign-a'] },
        ['AttachUserPolicy', 'DetachUserPolicy']
      ],
      ['an inline policy', { ...SETTLED, inlinePolicies: ['x'] }, ['DeleteUserPolicy']],
      ['a group', { ...SETTLED, groups: ['x'] }, ['RemoveUserFromGroup']],
      [
        'another key only',
        { ...SETTLED, accessKeys: [{ accessKeyId: 'OTHER', isActive: true }] },
        ['CreateAccessKey']
      ],
      [
        'a disabled key',
        { ...SETTLED, accessKeys: [{ ...ACCESS_KEY, isActive: false }] },
        ['UpdateAccessKey']
      ]
    ]
    for (const [what, live, operations] of differences) {
      const { stub, iam } = await iamOn(t, obedient)
      await iam.ensureIdentity(USER, DESIRED, live, budget())
      t.strictSame(stub.operations(), operations, `a user with ${what}`)
    }
  })

  t.test('takes foreign policies away and no others', async (t) => {
    const { stub, iam } = await iamOn(t, obedient)
    const live = { ...SETTLED, policies: ['foreign-a', POLICY.name] }
    await iam.ensureIdentity(USER, DESIRED, live, budget())
    t.strictSame(stub.request('DetachUserPolicy').form, {
      Action: 'DetachUserPolicy',
      Version: '2010-05-08',
      UserName: USER,
      PolicyArn: 'arn:aws:iam:::policy/foreign-a'
    })
  })

  t.test('activates a disabled key', async (t) => {
    const { stub, iam, writes } = await iamOn(t, obedient)
    const { accessKeyId } = ACCESS_KEY
    const live = { ...SETTLED, accessKeys: [{ accessKeyId, isActive: false }] }
    await iam.ensureIdentity(USER, DESIRED, live, budget())
    t.strictSame(stub.request('UpdateAccessKey').form, {
      Action: 'UpdateAccessKey',
      Version: '2010-05-08',
      UserName: USER,
      AccessKeyId: accessKeyId,
      Status: 'Active'
    })
    t.strictSame(writes, [`activating access key ${accessKeyId} of user ${USER}`])
  })

  t.test('goes on when user and key exist already', async (t) => {
    const script = { ...obedient, CreateUser: EXISTS, CreateAccessKey: EXISTS }
    const { stub, iam } = await iamOn(t, script)
    await iam.ensureIdentity(USER, DESIRED, undefined, budget())
    t.strictSame(stub.operations(), ['CreateUser', 'AttachUserPolicy', 'CreateAccessKey'])
  })

  t.test('goes on when a foreign policy is detached already', async (t) => {
    const { iam } = await iamOn(t, { ...obedient, DetachUserPolicy: NO_SUCH_ENTITY })
    const live = { ...SETTLED, policies: ['foreign-a', POLICY.name] }
    await t.resolves(iam.ensureIdentity(USER, DESIRED, live, budget()))
  })

  t.test('issues no key to a user whose policy cannot be attached', async (t) => {
    const { stub, iam } = await iamOn(t, { ...obedient, AttachUserPolicy: NO_SUCH_ENTITY })
    t.equal(
      await failureOf(iam.ensureIdentity(USER, DESIRED, undefined, budget())),
      `502 S3P_STORE_REJECTED: Object store refused attaching policy ${POLICY.name} to user ${USER} for profile team-a: ` +
        'NoSuchEntityException: says NoSuchEntity (HTTP 404)'
    )
    t.strictSame(stub.operations(), ['CreateUser', 'AttachUserPolicy'])
  })

  t.test('deletes the key of a store that draws its own', async (t) => {
    const { stub, iam } = await iamOn(t, { ...obedient, CreateAccessKey: issued('DRAWN') })
    t.equal(
      await failureOf(iam.ensureIdentity(USER, DESIRED, undefined, budget())),
      `502 S3P_STORE_REJECTED: Object store refused issuing an access key to user ${USER} for profile team-a: ` +
        'it draws keys of its own instead of taking ours; SeaweedFS 4.22 or newer is needed'
    )
    t.equal(stub.operations().at(-1), 'DeleteAccessKey')
    t.strictSame(stub.request('DeleteAccessKey').form, {
      Action: 'DeleteAccessKey',
      Version: '2010-05-08',
      UserName: USER,
      AccessKeyId: 'DRAWN'
    })
  })

  t.test('sends the same pair again after a lost answer', async (t) => {
    const { stub, iam } = await iamOn(t, { ...obedient, CreateAccessKey: ['reset', EXISTS] })
    await iam.ensureIdentity(USER, DESIRED, { ...SETTLED, accessKeys: [] }, budget())
    const [first, second] = stub.requests
    t.equal(stub.requests.length, 2)
    t.equal(first?.body, second?.body, 'and each of its fields once')
  })
})

t.test('disableAccessKey', async (t) => {
  t.test('disables one key', async (t) => {
    const { stub, iam, writes } = await iamOn(t, { UpdateAccessKey: iamAnswer('UpdateAccessKey') })
    await iam.disableAccessKey(USER, 'KEY1', budget())
    const { UserName, AccessKeyId, Status } = stub.request('UpdateAccessKey').form
    t.strictSame([UserName, AccessKeyId, Status], [USER, 'KEY1', 'Inactive'])
    t.strictSame(writes, [`disabling access key KEY1 of user ${USER}`])
  })

  t.test('succeeds when there is no such key or user', async (t) => {
    const { iam } = await iamOn(t, { UpdateAccessKey: NO_SUCH_ENTITY })
    await t.resolves(iam.disableAccessKey(USER, 'KEY1', budget()))
  })

  t.test('passes on what the store refuses', async (t) => {
    const { iam } = await iamOn(t, { UpdateAccessKey: iamError(403, 'AccessDenied') })
    await t.rejects(iam.disableAccessKey(USER, 'KEY1', budget()), { code: 'S3P_STORE_REJECTED' })
  })
})

t.test('deleteAccessKey', async (t) => {
  t.test('takes one key away', async (t) => {
    const { stub, iam, writes } = await iamOn(t, { DeleteAccessKey: iamAnswer('DeleteAccessKey') })
    await iam.deleteAccessKey(USER, 'KEY1', budget())
    const { UserName, AccessKeyId } = stub.request('DeleteAccessKey').form
    t.strictSame([UserName, AccessKeyId], [USER, 'KEY1'])
    t.strictSame(writes, [`revoking access key KEY1 of user ${USER}`])
  })

  t.test('succeeds when there is no such key or user', async (t) => {
    const { iam } = await iamOn(t, { DeleteAccessKey: NO_SUCH_ENTITY })
    await t.resolves(iam.deleteAccessKey(USER, 'KEY1', budget()))
  })
})

t.test('deleteIdentity', async (t) => {
  const live: Identity = {
    policies: ['policy-a', 'policy-b'],
    accessKeys: [
      { accessKeyId: 'KEY1', isActive: true },
      { accessKeyId: 'KEY2', isActive: false }
    ],
    inlinePolicies: ['inline'],
    groups: ['group']
  }
  const operations = [
    'DeleteAccessKey',
    'DeleteAccessKey',
    'DetachUserPolicy',
    'DetachUserPolicy',
    'DeleteUserPolicy',
    'RemoveUserFromGroup',
    'DeleteUser'
  ]

  t.test('takes the keys first, then the policies, then the user', async (t) => {
    const { stub, iam, writes } = await iamOn(t, {
      DeleteAccessKey: iamAnswer('DeleteAccessKey'),
      DetachUserPolicy: iamAnswer('DetachUserPolicy'),
      DeleteUserPolicy: iamAnswer('DeleteUserPolicy'),
      RemoveUserFromGroup: iamAnswer('RemoveUserFromGroup'),
      DeleteUser: iamAnswer('DeleteUser')
    })
    await iam.deleteIdentity(USER, live, budget())
    t.strictSame(stub.operations(), operations)
    t.strictSame(writes, [
      `revoking access key KEY1 of user ${USER}`,
      `revoking access key KEY2 of user ${USER}`,
      `detaching policy policy-a from user ${USER}`,
      `detaching policy policy-b from user ${USER}`,
      `deleting policy inline of user ${USER}`,
      `taking user ${USER} out of group group`,
      `deleting user ${USER}`
    ])
    for (const { form } of stub.requests) t.equal(form['UserName'], USER)
  })

  t.test('succeeds when everything is gone already', async (t) => {
    const { stub, iam } = await iamOn(t, {
      DeleteAccessKey: NO_SUCH_ENTITY,
      DetachUserPolicy: NO_SUCH_ENTITY,
      DeleteUserPolicy: NO_SUCH_ENTITY,
      RemoveUserFromGroup: NO_SUCH_ENTITY,
      DeleteUser: NO_SUCH_ENTITY
    })
    await iam.deleteIdentity(USER, live, budget())
    t.strictSame(stub.operations(), operations)
  })

  t.test('keeps the user while a key cannot be taken', async (t) => {
    const { stub, iam } = await iamOn(t, { DeleteAccessKey: iamError(403, 'AccessDenied') })
    t.match(await failureOf(iam.deleteIdentity(USER, live, budget())), /^502 S3P_STORE_REJECTED/)
    t.strictSame(stub.operations(), ['DeleteAccessKey'])
  })
})

t.test('every call', async (t) => {
  const step = `reading user ${USER} for profile team-a`
  const failures: [what: string, answer: Script[string], failure: string][] = [
    [
      'an S3-style refusal',
      s3Error(403, 'SignatureDoesNotMatch', 'The request signature does not match.'),
      `502 S3P_STORE_REJECTED: Object store refused ${step}: The request signature does not match. (HTTP 403)`
    ],
    [
      'a refusal of the IAM API',
      iamError(403, 'AccessDenied', 'read-only'),
      `502 S3P_STORE_REJECTED: Object store refused ${step}: AccessDenied: read-only (HTTP 403)`
    ],
    [
      'a failure',
      iamError(500, 'ServiceFailure', 'Internal server error'),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${step}: ServiceFailureException: Internal server error (HTTP 500)`
    ],
    [
      'an overload',
      s3Error(503, 'SlowDown', 'Please reduce your request rate.'),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${step}: Please reduce your request rate. (HTTP 503)`
    ],
    [
      'a cut connection',
      'reset',
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${step}: ECONNRESET`
    ]
  ]
  for (const [what, answer, failure] of failures) {
    t.test(`reports ${what} with step, profile and status`, async (t) => {
      const { stub, iam } = await iamOn(t, { GetUser: answer })
      t.equal(await failureOf(iam.readIdentity(USER, budget())), failure)
      const isRetried = failure.startsWith('503')
      t.equal(stub.requests.length, isRetried ? 2 : 1, isRetried ? 'after one retry' : 'at once')
    })
  }

  t.test('survives one failure', async (t) => {
    const { iam } = await iamOn(t, { GetUser: [iamError(500, 'ServiceFailure'), NO_SUCH_ENTITY] })
    t.equal(await iam.readIdentity(USER, budget()), undefined)
  })

  t.test('reports a refused connection', async (t) => {
    const queue = buildWriteQueue(() => {})
    const iam = buildIamApi(await refusingSettings(), queue)
    t.equal(
      await failureOf(iam.readIdentity(USER, budget())),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${step}: ECONNREFUSED`
    )
  })

  t.test('gives up with the budget and names it', async (t) => {
    const reading = budgetOfAHangingCall()
    const writing = budgetOfAHangingCall()
    const { iam } = await iamOn(t, { GetUser: reading.hang, CreateUser: writing.hang })
    t.equal(
      await failureOf(iam.readIdentity(USER, reading.budget)),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${step}: no answer within the sync budget`
    )
    t.equal(
      await failureOf(iam.ensureIdentity(USER, DESIRED, undefined, writing.budget)),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while creating user ${USER} for profile team-a: ` +
        'no answer within the sync budget'
    )
  })

  t.test('waits its turn before it writes, and not to read', async (t) => {
    const order: string[] = []
    const stub = await startStubStore(t, {
      GetUser: NO_SUCH_ENTITY,
      DeleteAccessKey: iamAnswer('DeleteAccessKey')
    })
    const inTurn = buildWriteQueue((step: string, _budget: Budget) => order.push(step))
    const iam = buildIamApi(stub.settings, inTurn)
    const first = Promise.withResolvers<void>()
    const running = inTurn('the first', budget(), () => first.promise)
    const waiting = iam.deleteAccessKey(USER, 'KEY1', budget())
    await iam.readIdentity(USER, budget())
    t.strictSame(stub.operations(), ['GetUser'])
    first.resolve()
    await Promise.all([running, waiting])
    t.strictSame(stub.operations(), ['GetUser', 'DeleteAccessKey'])
    t.strictSame(order, ['the first', `revoking access key KEY1 of user ${USER}`])
  })
})

t.test('no error holds the secret', async (t) => {
  const { secretAccessKey } = ACCESS_KEY
  const echoes: [what: string, answer: (body: string) => StubAnswer][] = [
    ['in an IAM message', (body) => iamError(400, 'InvalidInput', `got ${body}`)],
    ['in an S3 message', (body) => s3Error(403, 'SignatureDoesNotMatch', `got ${body}`)],
    ['twice', (body) => iamError(400, 'InvalidInput', `${body} ${body}`)],
    ['as the error code', (body) => iamError(400, body)],
    ['outside of any error', (body) => ({ status: 400, body: `<Bad>${body}</Bad>` })],
    ['as plain text', (body) => ({ status: 400, body })],
    ['as the success', (body) => ({ status: 200, body })]
  ]
  for (const [what, answer] of echoes) {
    t.test(`when the store echoes the request ${what}`, async (t) => {
      const { iam } = await iamOn(t, { CreateAccessKey: ({ body }) => answer(body) })
      const live = { ...SETTLED, accessKeys: [] }
      const call = iam.ensureIdentity(USER, DESIRED, live, budget())
      const error = await call.then(
        () => new Error('no failure'),
        (failure: Error) => failure
      )
      t.match(error.message, `issuing an access key to user ${USER} for profile team-a`)
      const { stack, cause } = error
      const everything = `${error.message} ${stack} ${String(cause)} ${JSON.stringify(error)}`
      // A part of it is as good as no secret at all.
      t.notOk(everything.includes(secretAccessKey.slice(0, 8)))
    })
  }

  t.test('wherever the message is cut', async (t) => {
    const { iam } = await iamOn(t, {
      CreateAccessKey: Array.from(
        { length: 60 },
        (_, index) =>
          ({ body }) =>
            iamError(400, 'InvalidInput', 'x'.repeat(index * 5) + body)
      )
    })
    const live = { ...SETTLED, accessKeys: [] }
    const messages: string[] = []
    for (let call = 0; call < 60; call += 1) {
      messages.push(await failureOf(iam.ensureIdentity(USER, DESIRED, live, budget())))
    }
    const leaking = messages.filter((message) => message.includes(secretAccessKey.slice(0, 4)))
    t.strictSame(leaking, [])
  })
})
