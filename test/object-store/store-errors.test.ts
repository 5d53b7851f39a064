import t from 'tap'
import { answerError, nameOf, statusOf, storeError } from '../../src/object-store/store-errors.ts'
import { budget, spentBudget } from '../fixtures/builders.ts'

const SECRET = 'S6XT2UMNXHMXP6MWRPT7QQXJ7ICANGU4H3VNR2MR'

/** An error as the SDK throws it. */
function sdkError(name: string, httpStatusCode: number, message = 'says no'): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } })
}

function networkError(code: string): Error {
  return Object.assign(new Error(`connect ${code} 10.0.0.1:8333`), { code })
}

t.test('storeError', async (t) => {
  const refused = ['S3P_STORE_REJECTED', 502, 'Object store refused creating x'] as const
  const unavailable = [
    'S3P_STORE_UNAVAILABLE',
    503,
    'Object store unavailable while creating x'
  ] as const
  const table: [
    what: string,
    error: unknown,
    kind: typeof refused | typeof unavailable,
    reason: string
  ][] = [
    [
      'takes a 4xx for a refusal',
      sdkError('AccessDenied', 403),
      refused,
      'AccessDenied: says no (HTTP 403)'
    ],
    [
      'leaves out a name that says nothing',
      sdkError('Unknown', 403),
      refused,
      'says no (HTTP 403)'
    ],
    [
      'takes a 5xx for an outage',
      sdkError('ServiceFailure', 500),
      unavailable,
      'ServiceFailure: says no (HTTP 500)'
    ],
    [
      'names the code of a network error, not its address',
      networkError('ECONNREFUSED'),
      unavailable,
      'ECONNREFUSED'
    ],
    [
      'names the kind of an error without a code',
      new SyntaxError('unexpected token'),
      unavailable,
      'SyntaxError'
    ],
    ['knows nothing of an error without a name', {}, unavailable, 'no answer']
  ]
  for (const [what, error, [code, statusCode, during], reason] of table) {
    t.test(what, async (t) => {
      const ours = storeError(error, 'creating x', budget())
      t.match(ours, { code, statusCode })
      t.equal(ours.message, `${during} for profile team-a: ${reason}`)
    })
  }

  t.test('says when the budget ran out, whatever the error is', async (t) => {
    for (const error of [sdkError('AccessDenied', 403), networkError('ABORT_ERR')]) {
      const ours = storeError(error, 'creating x', spentBudget())
      t.match(ours, { code: 'S3P_STORE_UNAVAILABLE', statusCode: 503 })
      t.equal(
        ours.message,
        'Object store unavailable while creating x for profile team-a: no answer within the sync budget'
      )
    }
  })

  t.test('does without a message', async (t) => {
    const silent = { name: 'AccessDenied', $metadata: { httpStatusCode: 403 } }
    t.match(storeError(silent, 'creating x', budget()).message, /: AccessDenied \(HTTP 403\)$/)
  })

  t.test('keeps a message to one short line', async (t) => {
    const long = `first\nsecond\r\n\tthird ${'x'.repeat(1_000)}`
    const { message } = storeError(sdkError('Unknown', 400, long), 'creating x', budget())
    t.match(message, 'first second third xxx')
    t.ok(message.length < 500)
  })

  t.test('keeps nothing of the original but the message', async (t) => {
    const original = Object.assign(sdkError('Unknown', 400), { $response: { body: SECRET } })
    const ours = storeError(original, 'creating x', budget())
    t.equal(ours.cause, undefined)
    t.notOk(JSON.stringify(ours).includes(SECRET))
    t.notOk('$response' in ours)
  })

  t.test('takes secrets out before it cuts the message', async (t) => {
    const messages = Array.from({ length: 300 }, (_, length) => {
      const echo = `${'x'.repeat(length)}${SECRET} and ${SECRET}`
      return storeError(sdkError('Unknown', 400, echo), 'creating x', budget(), [SECRET]).message
    })
    t.strictSame(
      messages.filter((message) => message.includes(SECRET.slice(0, 1))),
      [],
      'not even its first character is left'
    )
  })

  t.test('takes secrets out of the error’s name', async (t) => {
    const error = sdkError(`Code-${SECRET}`, 400)
    const { message } = storeError(error, 'creating x', budget(), ['other', SECRET])
    t.notOk(message.includes(SECRET))
  })
})

t.test('answerError', async (t) => {
  const table: [status: number, code: string][] = [
    [400, 'S3P_STORE_REJECTED'],
    [403, 'S3P_STORE_REJECTED'],
    [404, 'S3P_STORE_REJECTED'],
    [409, 'S3P_STORE_REJECTED'],
    [499, 'S3P_STORE_REJECTED'],
    [408, 'S3P_STORE_UNAVAILABLE'],
    [429, 'S3P_STORE_UNAVAILABLE'],
    [500, 'S3P_STORE_UNAVAILABLE'],
    [501, 'S3P_STORE_UNAVAILABLE'],
    [503, 'S3P_STORE_UNAVAILABLE'],
    [200, 'S3P_STORE_UNAVAILABLE'],
    [307, 'S3P_STORE_UNAVAILABLE']
  ]
  for (const [status, code] of table) {
    t.test(`takes HTTP ${status} for ${code}`, async (t) => {
      const error = answerError('SlowDown', status, 'creating x')
      t.match(error, { code })
      t.match(error.message, `creating x: SlowDown (HTTP ${status})`)
    })
  }
})

t.test('statusOf', async (t) => {
  t.equal(statusOf(sdkError('AccessDenied', 403)), 403)
  t.equal(statusOf(networkError('ECONNRESET')), undefined)
})

t.test('nameOf', async (t) => {
  t.equal(nameOf(sdkError('NoSuchBucketPolicy', 404)), 'NoSuchBucketPolicy')
  t.equal(nameOf({}), undefined)
})
