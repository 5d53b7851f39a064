import t, { type Test } from 'tap'
import type { ObjectStore } from '../../src/object-store/object-store.ts'
import { buildProbe } from '../../src/object-store/probe.ts'
import { budget } from '../fixtures/builders.ts'
import {
  budgetOfAHangingCall,
  failureOf,
  ok,
  refusingSettings,
  type Script,
  s3Error,
  startStubStore
} from '../fixtures/stub-store.ts'

const ACCESS_KEY = {
  accessKeyId: 'KFPAAAAAAAWMKTBD5L2G',
  secretAccessKey: 'S6XT2UMNXHMXP6MWRPT7QQXJ7ICANGU4H3VNR2MR'
}
const OBJECT = { bucket: 'bucket-a', key: 'private-artifacts/team-a/.s3-profile-controller/probe' }
const OPERATION = `GET /${OBJECT.bucket}/${OBJECT.key}`
const STEP = `probing /${OBJECT.bucket}/${OBJECT.key} with the profile's own key for profile team-a`

/** A probe of a store that says this, and what it was asked. */
async function probing(t: Test, answer: Script[string]) {
  const stub = await startStubStore(t, { [OPERATION]: answer })
  const probe = buildProbe(stub.settings)
  return { stub, probe: () => probe(ACCESS_KEY, OBJECT, budget()) }
}

t.test('buildProbe', async (t) => {
  const answers: [Script[string], Awaited<ReturnType<ObjectStore['probe']>>][] = [
    [s3Error(404, 'NoSuchKey'), 'absent'],
    [ok('the object'), 'readable'],
    [s3Error(403, 'AccessDenied'), 'denied'],
    [s3Error(404, 'NoSuchBucket'), 'no-bucket'],
    [s3Error(403, 'InvalidAccessKeyId'), 'unknown-key'],
    [s3Error(403, 'SignatureDoesNotMatch'), 'wrong-secret']
  ]
  for (const [answer, expected] of answers) {
    t.test(`understands ${expected}`, async (t) => {
      const { stub, probe } = await probing(t, answer)
      t.equal(await probe(), expected)
      t.strictSame(stub.operations(), [OPERATION], 'by one request')
    })
  }

  t.test('signs with the profile’s own key', async (t) => {
    const { stub, probe } = await probing(t, s3Error(404, 'NoSuchKey'))
    await probe()
    const { authorization } = stub.request(OPERATION).headers
    const id = ACCESS_KEY.accessKeyId
    t.match(
      authorization,
      new RegExp(
        `^AWS4-HMAC-SHA256 Credential=${id}/[0-9]{8}/us-east-1/s3/aws4_request, SignedHeaders=[a-z0-9;-]*host[a-z0-9;-]*, Signature=[0-9a-f]{64}$`
      )
    )
  })

  const unexpected: [what: string, answer: Script[string], failure: string][] = [
    [
      'an unknown refusal',
      s3Error(400, 'AuthorizationHeaderMalformed'),
      `502 S3P_STORE_REJECTED: Object store refused ${STEP}: AuthorizationHeaderMalformed (HTTP 400)`
    ],
    [
      'a refusal without a code',
      { status: 405, body: 'Method Not Allowed' },
      `502 S3P_STORE_REJECTED: Object store refused ${STEP}: no error code (HTTP 405)`
    ],
    [
      'an outage',
      s3Error(503, 'SlowDown'),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${STEP}: SlowDown (HTTP 503)`
    ],
    [
      'too many requests',
      { status: 429, body: '' },
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${STEP}: no error code (HTTP 429)`
    ],
    [
      'a redirect, without following it,',
      { status: 307, headers: { location: 'http://elsewhere.invalid/' } },
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${STEP}: no error code (HTTP 307)`
    ],
    [
      'a cut connection',
      'reset',
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${STEP}: ECONNRESET`
    ]
  ]
  for (const [what, answer, failure] of unexpected) {
    t.test(`reports ${what} as such`, async (t) => {
      const { probe } = await probing(t, answer)
      t.equal(await failureOf(probe()), failure)
    })
  }

  t.test('reports a refused connection', async (t) => {
    const probe = buildProbe(await refusingSettings())
    t.equal(
      await failureOf(probe(ACCESS_KEY, OBJECT, budget())),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${STEP}: ECONNREFUSED`
    )
  })

  t.test('gives up with the budget', async (t) => {
    const { budget: running, hang } = budgetOfAHangingCall()
    const stub = await startStubStore(t, { [OPERATION]: hang })
    const probe = buildProbe(stub.settings)
    t.equal(
      await failureOf(probe(ACCESS_KEY, OBJECT, running)),
      `503 S3P_STORE_UNAVAILABLE: Object store unavailable while ${STEP}: no answer within the sync budget`
    )
  })
})
