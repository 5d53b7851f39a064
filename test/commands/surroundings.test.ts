import t, { type Test } from 'tap'
import {
  inspectSurroundings,
  type SideDoor,
  usualSideDoors
} from '../../src/commands/surroundings.ts'
import {
  iamAnswer,
  ok,
  refusingSettings,
  type Script,
  s3Error,
  startStubStore
} from '../fixtures/stub-store.ts'

const KEY = { accessKeyId: 'KEYOFTEAMA', secretAccessKey: 'secret-of-team-a' }
const NO_DOORS = { filer: [], master: [], volume: [] }

t.test('usualSideDoors', async (t) => {
  t.strictSame(usualSideDoors(['https://s3.example:8333', 'http://internal:8111']), {
    filer: ['http://s3.example:8888', 'http://internal:8888'],
    master: ['http://s3.example:9333', 'http://internal:9333'],
    volume: ['http://s3.example:8080', 'http://internal:8080']
  })
  const { filer } = usualSideDoors(['http://[::1]:8333', 'http://[::1]:8111'])
  t.strictSame(filer, ['http://[::1]:8888'], 'each host once')
})

t.test('IAM on the endpoint of profiles', async (t) => {
  const answers: [what: string, script: Script, verdict: string, evidence: RegExp][] = [
    ['served', { ListAccessKeys: iamAnswer('ListAccessKeys') }, 'hole', /^served on the endpoint/],
    ['refused', { ListAccessKeys: s3Error(403, 'AccessDenied') }, 'ok', /HTTP 403/],
    ['cut off', { ListAccessKeys: 'reset' }, 'ok', /^not served there \(ECONNRESET\)$/],
    ['unknown', { ListAccessKeys: { status: 405 } }, 'ok', /^not served there \(HTTP 405\)$/]
  ]
  for (const [what, script, verdict, evidence] of answers) {
    t.test(what, async (t) => {
      const { settings, request } = await startStubStore(t, script)
      const { s3Endpoint } = settings
      const [seen, ...more] = await inspectSurroundings(s3Endpoint, 'eu-west-1', KEY, NO_DOORS)
      t.match(seen, { check: `IAM on ${s3Endpoint}`, verdict, evidence })
      t.equal(seen?.remedy !== '', verdict === 'hole')
      t.match(request('ListAccessKeys').headers.authorization, /KEYOFTEAMA\/\d+\/eu-west-1\/iam\//)
      t.same(more, [])
    })
  }
})

/** What one side door at a stub with that script is found to be. */
async function inspect(t: Test, door: SideDoor, script: Script, url?: string) {
  const { settings, requests } = await startStubStore(t, {
    ListAccessKeys: s3Error(405, 'No'),
    ...script
  })
  const { s3Endpoint } = settings
  const doors = { ...NO_DOORS, [door]: [url ?? s3Endpoint] }
  const [, seen] = await inspectSurroundings(s3Endpoint, 'us-east-1', KEY, doors)
  return { seen, requests, s3Endpoint }
}

const DOORS: [door: SideDoor, operation: string, open: string, harm: RegExp, remedy: RegExp][] = [
  ['filer', 'GET /etc/iam', '{"Entries":null}', /every object and every key/, /SIGNING_KEY/],
  ['master', 'GET /dir/status', '{"Topology":{}}', /whole buckets/, /^admit nobody but/],
  ['volume', 'GET /status', '{"DiskStatuses":[]}', /objects by number/, /^admit nobody but/]
]
for (const [door, operation, open, harm, remedy] of DOORS) {
  t.test(`the ${door}`, async (t) => {
    t.test('that answers strangers is a hole', async (t) => {
      const { seen, s3Endpoint, requests } = await inspect(t, door, { [operation]: ok(open) })
      t.match(seen, { check: `${door} at ${s3Endpoint}`, verdict: 'hole', evidence: harm, remedy })
      const asked = requests.find((request) => request.operation === operation)
      t.equal(asked?.headers.authorization, undefined)
      t.equal(asked?.headers.accept, 'application/json')
    })

    const refusals: [what: string, script: Script, evidence: RegExp][] = [
      ['wants a token', { [operation]: { status: 401 } }, /^refuses strangers \(HTTP 401\)$/],
      ['is something else', { [operation]: ok('<html>hello</html>') }, /HTTP 200/],
      [
        'sends elsewhere, where nobody follows',
        { [operation]: { status: 302, headers: { location: '/open' } }, 'GET /open': ok(open) },
        /HTTP 302/
      ],
      ['cuts the connection', { [operation]: 'reset' }, /^not reachable from here \(ECONNRESET\)$/]
    ]
    for (const [what, script, evidence] of refusals) {
      t.test(`that ${what} is none`, async (t) => {
        const { seen } = await inspect(t, door, script)
        t.match(seen, { verdict: 'ok', evidence, remedy: '' })
      })
    }

    t.test('that is not there is none', async (t) => {
      const { s3Endpoint } = await refusingSettings()
      const { seen } = await inspect(t, door, {}, s3Endpoint)
      t.match(seen, { verdict: 'ok', evidence: 'not reachable from here (ECONNREFUSED)' })
    })
  })
}

t.test('a side door that never answers is none', async (t) => {
  const { seen } = await inspect(t, 'volume', { 'GET /status': 'hang' })
  t.match(seen, { verdict: 'ok', evidence: 'not reachable from here (ETIMEDOUT)' })
})

t.test('a filer without that folder has answered, too', async (t) => {
  const { seen } = await inspect(t, 'filer', { 'GET /etc/iam': { status: 404 } })
  t.equal(seen?.verdict, 'hole')
  const other = await inspect(t, 'filer', { 'GET /etc/iam': s3Error(404, 'NoSuchBucket') })
  t.equal(other.seen?.verdict, 'ok', 'unlike an S3 gateway')
})
