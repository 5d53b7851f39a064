import t, { type Test } from 'tap'
import {
  buildIamCheck,
  buildS3Check,
  sendChangeOfNothing
} from '../../src/object-store/endpoint-checks.ts'
import {
  failureOf,
  iamError,
  ok,
  refusingSettings,
  type Script,
  type StubAnswer,
  s3Error,
  startStubStore
} from '../fixtures/stub-store.ts'

const READY_OBJECT = 'GET /mlpipeline/.s3-profile-controller/ready'
const soon = () => AbortSignal.timeout(10_000)

async function readinessOn(t: Test, script: Script) {
  const stub = await startStubStore(t, script)
  const checkS3 = buildS3Check(stub.settings)
  const checkIam = buildIamCheck(stub.settings)
  return {
    stub,
    s3: () => checkS3('mlpipeline', soon()),
    iam: () => checkIam(soon())
  }
}

t.test('the check of the S3 endpoint', async (t) => {
  const fine: [what: string, answer: StubAnswer][] = [
    ['no such object', s3Error(404, 'NoSuchKey')],
    ['no such bucket', s3Error(404, 'NoSuchBucket')],
    ['the object itself', { ...ok('ready'), headers: { 'x-amz-request-id': '1' } }]
  ]
  for (const [what, answer] of fine) {
    t.test(`is content with ${what}`, async (t) => {
      const { stub, s3 } = await readinessOn(t, { [READY_OBJECT]: answer })
      await s3()
      t.strictSame(stub.operations(), [READY_OBJECT])
      t.match(stub.request(READY_OBJECT).headers.authorization, /Credential=ADMINACCESSKEY\/.*\/s3/)
    })
  }

  const servers: [server: string | undefined, version: string | undefined][] = [
    ['SeaweedFS 8000GB 4.34', '4.34'],
    ['SeaweedFS 30GB 4.48', '4.48'],
    ['SeaweedFS 30GB 4.48.1', '4.48'],
    ['SeaweedFS 4.48-rc1', '4.48'],
    ['SeaweedFS', undefined],
    ['istio-envoy', undefined],
    [undefined, undefined]
  ]
  for (const [server, version] of servers) {
    t.test(`reads ${version} from the server ${server}`, async (t) => {
      const headers = server === undefined ? {} : { server }
      const { s3 } = await readinessOn(t, {
        [READY_OBJECT]: { ...s3Error(404, 'NoSuchKey'), headers }
      })
      t.equal((await s3()).version, version)
    })
  }

  const faults: [what: string, answer: StubAnswer, sentence: RegExp][] = [
    ['a wrong key', s3Error(403, 'InvalidAccessKeyId'), /^503 S3P_NOT_READY: AWS_ACCESS_KEY_ID: /],
    ['a page for every address', ok('<!doctype html>'), /AWS_ENDPOINT_URL_S3: what answers at /],
    ['a filer', { status: 404, headers: { server: 'SeaweedFS 30GB 4.48' } }, /is not the S3 API/],
    [
      'a store that is too old, whatever else it says',
      { ...s3Error(403, 'AccessDenied'), headers: { server: 'SeaweedFS 30GB 4.00' } },
      /: SeaweedFS 4.00 at AWS_ENDPOINT_URL_S3 is too old/
    ]
  ]
  for (const [what, answer, sentence] of faults) {
    t.test(`names the setting for ${what}`, async (t) => {
      const { s3 } = await readinessOn(t, { [READY_OBJECT]: answer })
      t.match(await failureOf(s3()), sentence)
    })
  }

  t.test('tells the clock from the answer', async (t) => {
    const date = new Date(Date.now() + 3_600_000).toUTCString()
    const answer = { ...s3Error(403, 'RequestTimeTooSkewed'), headers: { date } }
    const { s3 } = await readinessOn(t, { [READY_OBJECT]: answer })
    t.match(await failureOf(s3()), /The clock here is 60 min behind/)
  })

  t.test('survives one cut connection', async (t) => {
    const { s3 } = await readinessOn(t, { [READY_OBJECT]: ['reset', s3Error(404, 'NoSuchKey')] })
    t.equal(await failureOf(s3()), 'no failure')
    const { s3: cut } = await readinessOn(t, { [READY_OBJECT]: 'reset' })
    t.match(await failureOf(cut()), /AWS_ENDPOINT_URL_S3: no answer from 127.0.0.1:\d+ \(/)
  })

  t.test('says that nobody is there, or does not answer', async (t) => {
    const checkS3 = buildS3Check(await refusingSettings())
    t.match(
      await failureOf(checkS3('mlpipeline', soon())),
      /AWS_ENDPOINT_URL_S3: nobody listens at/
    )
    const patience = new AbortController()
    const hang = () => {
      patience.abort()
      return 'hang' as const
    }
    const stub = await startStubStore(t, { [READY_OBJECT]: hang })
    const silent = buildS3Check(stub.settings)('mlpipeline', patience.signal)
    t.match(await failureOf(silent), /AWS_ENDPOINT_URL_S3: no answer from .* in time/)
  })
})

t.test('the check of the IAM endpoint', async (t) => {
  t.test('is content when a change of nothing is refused for that alone', async (t) => {
    const { stub, iam } = await readinessOn(t, { DetachUserPolicy: iamError(404, 'NoSuchEntity') })
    await iam()
    t.match(stub.request('DetachUserPolicy').headers.authorization, /\/iam\/aws4_request/)
    t.match(stub.request('DetachUserPolicy').form, { UserName: 'nobody' })
  })

  const faults: [what: string, answer: StubAnswer, sentence: RegExp][] = [
    [
      'read-only IAM',
      s3Error(403, 'AccessDenied', 'IAM write operations are disabled on this server'),
      /^503 S3P_NOT_READY: AWS_ENDPOINT_URL_IAM: IAM at .* is read-only; /
    ],
    ['a gateway without IAM', { status: 405 }, /AWS_ENDPOINT_URL_IAM: .* serves no IAM/],
    ['what says yes to everything', ok('{}'), /is not the IAM API/],
    [
      'a store that is too old',
      { ...iamError(404, 'NoSuchEntity'), headers: { server: 'SeaweedFS 30GB 4.21' } },
      /SeaweedFS 4.21 at AWS_ENDPOINT_URL_IAM is too old/
    ]
  ]
  for (const [what, answer, sentence] of faults) {
    t.test(`names the setting for ${what}`, async (t) => {
      const { iam } = await readinessOn(t, { DetachUserPolicy: answer })
      t.match(await failureOf(iam()), sentence)
    })
  }
})

t.test('no connection is kept to an address that may be anybody’s', async (t) => {
  const { stub } = await readinessOn(t, { DetachUserPolicy: iamError(404, 'NoSuchEntity') })
  await sendChangeOfNothing(stub.settings.iamEndpoint, stub.settings, soon())
  t.equal(stub.request('DetachUserPolicy').headers.connection, 'close')
})
