import t, { type Test } from 'tap'
import type { PolicyDocument, Statement } from '../../src/desired/access-policy.ts'
import type { LifecycleRule } from '../../src/desired/lifecycle.ts'
import { buildS3 } from '../../src/object-store/s3.ts'
import { buildWriteQueue } from '../../src/object-store/write-queue.ts'
import { budget, spentBudget } from '../fixtures/builders.ts'
import {
  budgetOfAHangingCall,
  failureOf,
  ok,
  refusingSettings,
  type Script,
  type StubAnswer,
  s3Error,
  startStubStore
} from '../fixtures/stub-store.ts'

const BUCKET = 'bucket-a'
const FORBIDDEN: StubAnswer = { status: 403 }
const NOT_FOUND: StubAnswer = { status: 404 }

/** The adapter on a store that follows the script, and the writes it announces. */
async function s3On(t: Test, script: Script) {
  const stub = await startStubStore(t, script)
  const writes: string[] = []
  const queue = buildWriteQueue((step) => writes.push(step))
  return { stub, writes, s3: buildS3(stub.settings, queue) }
}

t.test('ensureBucket', async (t) => {
  const HEAD = `HEAD /${BUCKET}`
  const PUT = `PUT /${BUCKET}`

  t.test('writes nothing when the bucket exists', async (t) => {
    const { stub, s3, writes } = await s3On(t, { [HEAD]: ok() })
    await s3.ensureBucket(BUCKET, budget())
    t.strictSame(stub.operations(), [HEAD])
    t.strictSame(writes, [])
  })

  t.test('creates a bucket that does not exist', async (t) => {
    const { stub, s3, writes } = await s3On(t, { [HEAD]: NOT_FOUND, [PUT]: ok() })
    await s3.ensureBucket(BUCKET, budget())
    t.strictSame(stub.operations(), [HEAD, PUT])
    t.strictSame(writes, [`creating bucket ${BUCKET}`])
  })

  t.test('is content when another replica was faster', async (t) => {
    const { s3 } = await s3On(t, {
      [HEAD]: NOT_FOUND,
      [PUT]: s3Error(409, 'BucketAlreadyOwnedByYou')
    })
    await t.resolves(s3.ensureBucket(BUCKET, budget()))
  })

  t.test('does not take somebody else’s bucket for ours', async (t) => {
    const taken = s3Error(409, 'BucketAlreadyExists', 'The name is taken.')
    const { s3 } = await s3On(t, { [HEAD]: NOT_FOUND, [PUT]: taken })
    t.equal(
      await failureOf(s3.ensureBucket(BUCKET, budget())),
      `502 S3P_STORE_REJECTED: Object store refused creating bucket ${BUCKET} for profile team-a: ` +
        'BucketAlreadyExists: The name is taken. (HTTP 409)'
    )
  })

  t.test('does not take a refusal for absence', async (t) => {
    const { stub, s3 } = await s3On(t, { [HEAD]: FORBIDDEN })
    t.match(
      await failureOf(s3.ensureBucket(BUCKET, budget())),
      new RegExp(
        `^502 S3P_STORE_REJECTED: Object store refused looking for bucket ${BUCKET} for profile team-a: .*\\(HTTP 403\\)$`
      )
    )
    t.strictSame(stub.operations(), [HEAD])
  })
})

const OBJECTS = `GET /${BUCKET}?encoding-type&list-type&max-keys`
const NO_BUCKET = s3Error(404, 'NoSuchBucket')
const ONE_OBJECT = ok('<R><Contents><Key>kept</Key></Contents></R>')

t.test('emptyBucket', async (t) => {
  const VERSIONING = `GET /${BUCKET}?versioning`
  const DELETE = `POST /${BUCKET}?delete`
  const LATER = 10_000
  const EMPTY: Script = { [VERSIONING]: ok('<R/>'), otherwise: ok('<R/>') }
  const REFUSED = ok(
    '<R><Error><Key>kept</Key><Code>AccessDenied</Code><Message>No.</Message></Error></R>'
  )
  const emptying = `emptying bucket ${BUCKET} for profile team-a`

  t.test('says how far it came, and takes no turn in the queue', async (t) => {
    const { s3, writes } = await s3On(t, { ...EMPTY, [OBJECTS]: [ONE_OBJECT, ok('<R/>')] })
    t.strictSame(await s3.emptyBucket(BUCKET, 0, budget()), { removed: 1, isEmpty: false })
    t.strictSame(await s3.emptyBucket(BUCKET, LATER, budget()), { removed: 0, isEmpty: true })
    t.strictSame(writes, [])
  })

  t.test('takes an absent bucket for an empty one', async (t) => {
    const { s3 } = await s3On(t, { [VERSIONING]: NO_BUCKET })
    t.strictSame(await s3.emptyBucket(BUCKET, LATER, budget()), { removed: 0, isEmpty: true })
  })

  t.test('says what the store keeps', async (t) => {
    const { s3 } = await s3On(t, { ...EMPTY, [OBJECTS]: ONE_OBJECT, [DELETE]: REFUSED })
    t.equal(
      await failureOf(s3.emptyBucket(BUCKET, LATER, budget())),
      `502 S3P_STORE_REJECTED: Object store refused ${emptying}: AccessDenied: No. for object "kept"; ` +
        'is it under a retention or a legal hold, or has the bucket a policy?'
    )
  })

  t.test('says what S3 cannot name', async (t) => {
    const version = '<Version><Key>ctl\ufffd</Key><VersionId>1</VersionId></Version>'
    const { s3 } = await s3On(t, {
      ...EMPTY,
      [VERSIONING]: ok('<R><Status>Enabled</Status></R>'),
      [`GET /${BUCKET}?max-keys&versions`]: ok(`<R>${version}</R>`)
    })
    t.equal(
      await failureOf(s3.emptyBucket(BUCKET, LATER, budget())),
      `502 S3P_STORE_REJECTED: Object store refused ${emptying}: ` +
        'S3 cannot name 1 of its versions as they are, such as of "ctl\ufffd"'
    )
  })

  t.test('does not take a refusal for absence', async (t) => {
    const { s3 } = await s3On(t, { [VERSIONING]: s3Error(403, 'AccessDenied', 'Access Denied.') })
    t.equal(
      await failureOf(s3.emptyBucket(BUCKET, LATER, budget())),
      `502 S3P_STORE_REJECTED: Object store refused ${emptying}: AccessDenied: Access Denied. (HTTP 403)`
    )
  })
})

t.test('deleteBucket', async (t) => {
  const HEAD = `HEAD /${BUCKET}`
  const VERSIONS = `GET /${BUCKET}?max-keys&versions`
  const DELETE = `DELETE /${BUCKET}`
  const EMPTY: Script = { [HEAD]: ok(), [OBJECTS]: ok('<R/>'), [VERSIONS]: ok('<R/>') }
  const refusal = `502 S3P_STORE_REJECTED: Object store refused deleting bucket ${BUCKET} for profile team-a: `

  t.test('has nothing to do when there is none', async (t) => {
    const { stub, s3, writes } = await s3On(t, { [HEAD]: NOT_FOUND })
    await s3.deleteBucket(BUCKET, budget())
    t.strictSame(stub.operations(), [HEAD])
    t.strictSame(writes, [])
  })

  t.test('deletes an empty one', async (t) => {
    const { stub, s3, writes } = await s3On(t, { ...EMPTY, [DELETE]: { status: 204 } })
    await s3.deleteBucket(BUCKET, budget())
    t.equal(stub.operations().at(-1), DELETE)
    t.strictSame(writes, [`deleting bucket ${BUCKET}`])
  })

  t.test('never asks the store while there is data', async (t) => {
    for (const answers of [ONE_OBJECT, [ok('<R/>'), ONE_OBJECT]]) {
      const { stub, s3 } = await s3On(t, { ...EMPTY, [OBJECTS]: answers })
      t.equal(await failureOf(s3.deleteBucket(BUCKET, budget())), `${refusal}it is not empty`)
      t.notOk(stub.operations().includes(DELETE))
    }
  })

  t.test('is content when another was faster', async (t) => {
    const script: Script[] = [
      { [OBJECTS]: NO_BUCKET },
      { [OBJECTS]: ok('<R/>'), [DELETE]: NO_BUCKET }
    ]
    for (const answers of script) {
      const { s3 } = await s3On(t, { ...EMPTY, [DELETE]: { status: 204 }, ...answers })
      await t.resolves(s3.deleteBucket(BUCKET, budget()))
    }
  })

  t.test('says so when the store refuses', async (t) => {
    const { s3 } = await s3On(t, {
      ...EMPTY,
      [DELETE]: s3Error(409, 'BucketNotEmpty', 'It is not.')
    })
    t.equal(
      await failureOf(s3.deleteBucket(BUCKET, budget())),
      `${refusal}BucketNotEmpty: It is not. (HTTP 409)`
    )
  })
})

t.test('a bucket that was made in this very call', async (t) => {
  const [HEAD, CREATE] = [`HEAD /${BUCKET}`, `PUT /${BUCKET}`]
  const [POLICY, LIFECYCLE] = [`PUT /${BUCKET}?policy`, `PUT /${BUCKET}?lifecycle`]
  const script = {
    [HEAD]: NOT_FOUND,
    [CREATE]: ok(),
    [POLICY]: ok(),
    [LIFECYCLE]: ok(),
    [`GET /${BUCKET}?policy`]: s3Error(404, 'NoSuchBucketPolicy'),
    [`GET /${BUCKET}?lifecycle`]: s3Error(404, 'NoSuchLifecycleConfiguration')
  }
  const policy: PolicyDocument = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Deny', Action: 's3:*', Resource: `arn:aws:s3:::${BUCKET}` }]
  }
  const rules = [{ ID: 'retention', Status: 'Enabled' as const, Expiration: { Days: 7 } }]

  t.test('has no documents that had to be read', async (t) => {
    const { stub, s3 } = await s3On(t, script)
    const call = budget()
    await s3.ensureBucket(BUCKET, call)
    t.same(await s3.ensureBucketPolicy(BUCKET, () => policy, call), { replaced: undefined })
    await s3.ensureLifecycle(BUCKET, () => rules, call)
    t.strictSame(stub.operations(), [HEAD, CREATE, POLICY, LIFECYCLE])
  })

  t.test('needs none that are empty', async (t) => {
    const { stub, s3 } = await s3On(t, script)
    const call = budget()
    await s3.ensureBucket(BUCKET, call)
    await s3.ensureLifecycle(BUCKET, () => [], call)
    t.strictSame(stub.operations(), [HEAD, CREATE])
  })

  t.test('is read like any other in the next call', async (t) => {
    const { stub, s3 } = await s3On(t, script)
    await s3.ensureBucket(BUCKET, budget())
    await s3.ensureLifecycle(BUCKET, () => [], budget())
    t.strictSame(stub.operations(), [HEAD, CREATE, `GET /${BUCKET}?lifecycle`])
  })
})

t.test('ensureBucketPolicy', async (t) => {
  const GET = `GET /${BUCKET}?policy`
  const PUT = `PUT /${BUCKET}?policy`
  const DELETE = `DELETE /${BUCKET}?policy`
  const NO_POLICY = s3Error(404, 'NoSuchBucketPolicy')
  const OURS: Statement = {
    Sid: 'Ours',
    Effect: 'Deny',
    Action: ['s3:*'],
    Resource: ['arn:aws:s3:::bucket-a/*']
  }
  const FOREIGN: Statement = { Sid: 'Foreign', Effect: 'Allow', Action: 's3:GetObject' }
  const policyWith = (...statements: Statement[]): PolicyDocument => ({
    Version: '2012-10-17',
    Statement: statements
  })
  const answering = (document: unknown) => ok(JSON.stringify(document))
  const withOurs = (live: PolicyDocument | undefined) =>
    policyWith(...(live?.Statement ?? []).filter(({ Sid }) => Sid !== OURS.Sid), OURS)
  const withoutOurs = (live: PolicyDocument | undefined) =>
    policyWith(...(live?.Statement ?? []).filter(({ Sid }) => Sid !== OURS.Sid))

  t.test('writes the first policy and reads it back', async (t) => {
    const { stub, s3, writes } = await s3On(t, {
      [GET]: [NO_POLICY, NO_POLICY, answering(policyWith(OURS))],
      [PUT]: ok()
    })
    const outcome = await s3.ensureBucketPolicy(BUCKET, withOurs, budget())
    t.strictSame(outcome, { replaced: undefined })
    t.strictSame(stub.operations(), [GET, GET, PUT, GET])
    t.strictSame(JSON.parse(stub.request(PUT).body), policyWith(OURS))
    t.strictSame(writes, [`writing the policy of bucket ${BUCKET}`])
  })

  t.test('writes nothing when the policy says the same', async (t) => {
    const collapsed = { Statement: { ...OURS, Action: 's3:*' }, Version: '2012-10-17' }
    const { stub, s3, writes } = await s3On(t, { [GET]: answering(collapsed) })
    const outcome = await s3.ensureBucketPolicy(BUCKET, () => policyWith(OURS), budget())
    t.strictSame(outcome, 'unchanged')
    t.strictSame(stub.operations(), [GET])
    t.strictSame(writes, [])
  })

  t.test('merges into what is there when its turn has come', async (t) => {
    const edited = { ...OURS, Action: ['s3:GetObject'] }
    const { stub, s3 } = await s3On(t, {
      [GET]: [
        answering(policyWith(edited)),
        answering(policyWith(edited, FOREIGN)),
        answering(policyWith(FOREIGN, OURS))
      ],
      [PUT]: ok()
    })
    const outcome = await s3.ensureBucketPolicy(BUCKET, withOurs, budget())
    t.strictSame(outcome, { replaced: policyWith(edited, FOREIGN) })
    t.strictSame(JSON.parse(stub.request(PUT).body), policyWith(FOREIGN, OURS))
  })

  t.test('writes nothing when another sync was faster', async (t) => {
    const { stub, s3 } = await s3On(t, { [GET]: [NO_POLICY, answering(policyWith(OURS))] })
    const outcome = await s3.ensureBucketPolicy(BUCKET, withOurs, budget())
    t.strictSame(outcome, 'unchanged')
    t.strictSame(stub.operations(), [GET, GET, GET])
  })

  t.test('asks for a retry when somebody else changed it at the same time', async (t) => {
    const { s3 } = await s3On(t, { [GET]: answering(policyWith(FOREIGN)), [PUT]: ok() })
    t.equal(
      await failureOf(s3.ensureBucketPolicy(BUCKET, withOurs, budget())),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while writing the policy of bucket ${BUCKET} for profile team-a: ` +
        'somebody else changed it at the same time'
    )
  })

  t.test('writes nothing when there is nothing and nothing is wanted', async (t) => {
    const { stub, s3 } = await s3On(t, { [GET]: NO_POLICY })
    await s3.ensureBucketPolicy(BUCKET, withoutOurs, budget())
    t.strictSame(stub.operations(), [GET])
  })

  t.test('deletes a policy that has nothing left to say', async (t) => {
    const { stub, s3 } = await s3On(t, {
      [GET]: [answering(policyWith(OURS)), answering(policyWith(OURS)), NO_POLICY],
      [DELETE]: { status: 204 }
    })
    await s3.ensureBucketPolicy(BUCKET, withoutOurs, budget())
    t.strictSame(stub.operations(), [GET, GET, DELETE, GET])
  })

  t.test('takes a policy without statements for none', async (t) => {
    const { stub, s3 } = await s3On(t, { [GET]: answering(policyWith()) })
    await s3.ensureBucketPolicy(BUCKET, withoutOurs, budget())
    t.strictSame(stub.operations(), [GET])
  })

  t.test('reads an empty answer as no policy', async (t) => {
    const { stub, s3 } = await s3On(t, { [GET]: ok() })
    await s3.ensureBucketPolicy(BUCKET, withoutOurs, budget())
    t.strictSame(stub.operations(), [GET])
  })

  const notAbsent: [what: string, answer: StubAnswer, failure: RegExp][] = [
    [
      'a refusal',
      s3Error(403, 'AccessDenied', 'Access Denied.'),
      /^502 S3P_STORE_REJECTED: .* AccessDenied: Access Denied\. \(HTTP 403\)$/
    ],
    [
      'a missing bucket',
      s3Error(404, 'NoSuchBucket', 'No such bucket.'),
      /^502 S3P_STORE_REJECTED: .* NoSuchBucket: No such bucket\. \(HTTP 404\)$/
    ],
    ['a failure', s3Error(500, 'InternalError'), /^503 S3P_STORE_UNAVAILABLE: .* \(HTTP 500\)$/],
    ['rubbish', ok('{"Version":'), /^503 S3P_STORE_UNAVAILABLE: .* SyntaxError$/]
  ]
  for (const [what, answer, failure] of notAbsent) {
    t.test(`does not take ${what} for absence`, async (t) => {
      const { stub, s3 } = await s3On(t, { [GET]: answer })
      t.match(await failureOf(s3.ensureBucketPolicy(BUCKET, withOurs, budget())), failure)
      t.strictSame([...new Set(stub.operations())], [GET])
    })
  }

  t.test('says so when the store refuses the policy', async (t) => {
    const { s3 } = await s3On(t, {
      [GET]: NO_POLICY,
      [PUT]: s3Error(400, 'MalformedPolicy', 'Unknown action.')
    })
    t.equal(
      await failureOf(s3.ensureBucketPolicy(BUCKET, withOurs, budget())),
      `502 S3P_STORE_REJECTED: Object store refused writing the policy of bucket ${BUCKET} for profile team-a: ` +
        'MalformedPolicy: Unknown action. (HTTP 400)'
    )
  })
})

t.test('ensureLifecycle', async (t) => {
  const GET = `GET /${BUCKET}?lifecycle`
  const PUT = `PUT /${BUCKET}?lifecycle`
  const DELETE = `DELETE /${BUCKET}?lifecycle`
  const NO_LIFECYCLE = s3Error(404, 'NoSuchLifecycleConfiguration')
  /** A rule as the SDK writes it. */
  const rule = (id: string, days: number) =>
    `<Rule><Status>Enabled</Status><Expiration><Days>${days}</Days></Expiration>` +
    `<ID>${id}</ID><Filter><Prefix>private-artifacts/</Prefix></Filter></Rule>`
  const rulesIn = (body: string) => body.match(/<Rule>.*?<\/Rule>/g)
  const answering = (...rules: string[]) =>
    ok(`<LifecycleConfiguration>${rules.join('')}</LifecycleConfiguration>`)
  /** Asked twice: whether there are any, and which. */
  const shown = (...rules: string[]) => [answering(...rules), answering(...rules)]
  const SHOWN = [GET, GET]
  const OURS: LifecycleRule = {
    ID: 'ours',
    Status: 'Enabled',
    Filter: { Prefix: 'private-artifacts/' },
    Expiration: { Days: 30 }
  }
  const withOurs = (live: readonly LifecycleRule[]) => [
    ...live.filter(({ ID }) => ID !== 'ours'),
    OURS
  ]
  const withoutOurs = (live: readonly LifecycleRule[]) => live.filter(({ ID }) => ID !== 'ours')

  t.test('writes the first rule and reads it back', async (t) => {
    const { stub, s3, writes } = await s3On(t, {
      [GET]: [NO_LIFECYCLE, NO_LIFECYCLE, ...shown(rule('ours', 30))],
      [PUT]: ok()
    })
    await s3.ensureLifecycle(BUCKET, withOurs, budget())
    t.strictSame(stub.operations(), [GET, GET, PUT, ...SHOWN])
    t.strictSame(rulesIn(stub.request(PUT).body), [rule('ours', 30)])
    t.strictSame(writes, [`writing the lifecycle of bucket ${BUCKET}`])
  })

  t.test('writes nothing when the rules are there', async (t) => {
    const { stub, s3 } = await s3On(t, { [GET]: answering(rule('foreign', 1), rule('ours', 30)) })
    await s3.ensureLifecycle(BUCKET, withOurs, budget())
    t.strictSame(stub.operations(), SHOWN)
  })

  t.test('keeps foreign rules that appear before its turn', async (t) => {
    const { stub, s3 } = await s3On(t, {
      [GET]: [
        ...shown(rule('ours', 7)),
        ...shown(rule('ours', 7), rule('foreign', 1)),
        ...shown(rule('foreign', 1), rule('ours', 30))
      ],
      [PUT]: ok()
    })
    await s3.ensureLifecycle(BUCKET, withOurs, budget())
    t.strictSame(rulesIn(stub.request(PUT).body), [rule('foreign', 1), rule('ours', 30)])
  })

  t.test('writes nothing when another sync was faster', async (t) => {
    const { stub, s3 } = await s3On(t, { [GET]: [NO_LIFECYCLE, answering(rule('ours', 30))] })
    await s3.ensureLifecycle(BUCKET, withOurs, budget())
    t.strictSame(stub.operations(), [GET, ...SHOWN, ...SHOWN])
  })

  t.test('deletes the configuration when no rule is left', async (t) => {
    const { stub, s3 } = await s3On(t, {
      [GET]: [...shown(rule('ours', 30)), ...shown(rule('ours', 30)), NO_LIFECYCLE],
      [DELETE]: { status: 204 }
    })
    await s3.ensureLifecycle(BUCKET, withoutOurs, budget())
    t.strictSame(stub.operations(), [...SHOWN, ...SHOWN, DELETE, GET])
  })

  t.test('writes nothing when there are no rules and none are wanted', async (t) => {
    for (const answer of [NO_LIFECYCLE, answering()]) {
      const { stub, s3 } = await s3On(t, { [GET]: answer })
      await s3.ensureLifecycle(BUCKET, withoutOurs, budget())
      t.strictSame(stub.operations(), [GET])
    }
  })

  t.test('takes rules that go between two looks for none', async (t) => {
    for (const second of [NO_LIFECYCLE, answering()]) {
      const { s3 } = await s3On(t, { [GET]: [answering(rule('foreign', 1)), second] })
      await t.resolves(s3.ensureLifecycle(BUCKET, withoutOurs, budget()))
    }
  })

  t.test('does not take a refusal of the second look for absence', async (t) => {
    const refusal = s3Error(403, 'AccessDenied', 'Access Denied.')
    const { s3 } = await s3On(t, { [GET]: [answering(rule('foreign', 1)), refusal] })
    t.match(
      await failureOf(s3.ensureLifecycle(BUCKET, withoutOurs, budget())),
      /reading the lifecycle .* AccessDenied: Access Denied/
    )
  })

  t.test('asks for a retry when somebody else changed it at the same time', async (t) => {
    const { s3 } = await s3On(t, { [GET]: answering(rule('ours', 7)), [PUT]: ok() })
    t.equal(
      await failureOf(s3.ensureLifecycle(BUCKET, withOurs, budget())),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while writing the lifecycle of bucket ${BUCKET} for profile team-a: ` +
        'somebody else changed it at the same time'
    )
  })

  t.test('does not take a refusal for absence', async (t) => {
    const { s3 } = await s3On(t, { [GET]: s3Error(403, 'AccessDenied', 'Access Denied.') })
    t.equal(
      await failureOf(s3.ensureLifecycle(BUCKET, withOurs, budget())),
      `502 S3P_STORE_REJECTED: Object store refused reading the lifecycle of bucket ${BUCKET} for profile team-a: ` +
        'AccessDenied: Access Denied. (HTTP 403)'
    )
  })
})

t.test('every call', async (t) => {
  const HEAD = `HEAD /${BUCKET}`
  const step = `looking for bucket ${BUCKET} for profile team-a`

  t.test('survives one failure', async (t) => {
    for (const failure of [{ status: 503 }, 'reset'] as const) {
      const { stub, s3 } = await s3On(t, { [HEAD]: [failure, ok()] })
      await s3.ensureBucket(BUCKET, budget())
      t.strictSame(stub.operations(), [HEAD, HEAD])
    }
  })

  t.test('reports a second one', async (t) => {
    const { stub, s3 } = await s3On(t, { [HEAD]: { status: 503 } })
    t.match(
      await failureOf(s3.ensureBucket(BUCKET, budget())),
      new RegExp(
        `^503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${step}: .*\\(HTTP 503\\)$`
      )
    )
    t.strictSame(stub.operations(), [HEAD, HEAD])
  })

  t.test('reports a refused connection', async (t) => {
    const s3 = buildS3(
      await refusingSettings(),
      buildWriteQueue(() => {})
    )
    t.equal(
      await failureOf(s3.ensureBucket(BUCKET, budget())),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${step}: ECONNREFUSED`
    )
  })

  t.test('gives up with the budget and names it', async (t) => {
    const { budget: running, hang } = budgetOfAHangingCall()
    const { stub, s3 } = await s3On(t, { [HEAD]: hang })
    const failure = `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${step}: no answer within the sync budget`
    t.equal(await failureOf(s3.ensureBucket(BUCKET, running)), failure)
    t.strictSame(stub.operations(), [HEAD])
    t.equal(await failureOf(s3.ensureBucket(BUCKET, spentBudget())), failure)
    t.strictSame(stub.operations(), [HEAD], 'nobody is asked when it is spent on arrival')
  })
})
