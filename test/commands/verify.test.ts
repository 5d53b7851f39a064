import t, { type Test } from 'tap'
import { pairsOf, type VerifyOptions, verify } from '../../src/commands/verify.ts'
import { accessKeyFor } from '../../src/desired/credentials.ts'
import { planFor } from '../../src/desired/plan.ts'
import { CommandFailed } from '../../src/errors.ts'
import { LEGITIMATE_CASES } from '../../src/matrix/legitimate.ts'
import { MARKS, type Party } from '../../src/matrix/scene.ts'
import type { ProbeAnswer } from '../../src/object-store/object-store.ts'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { config, profile, ROOT_KEY } from '../fixtures/builders.ts'
import { party } from '../fixtures/matrix.ts'
import { type Script, type StubAnswer, s3Error, startStubStore } from '../fixtures/stub-store.ts'
import { tightStore } from '../fixtures/tight-store.ts'

const NO_DOORS = { filer: [], master: [], volume: [] }

function userOf(namespace: string): string {
  return planFor(profile({ namespace }), config().profile).user
}

interface Circumstances {
  readonly layout?: string
  readonly script?: Script
  /** What the admin is answered instead. */
  readonly faulty?: (operation: string) => StubAnswer | false
}

/** `verify` on a store that refuses everything to these profiles. */
async function verifying(
  t: Test,
  namespaces: string[],
  { layout = 'per-profile', script = {}, faulty = () => false }: Circumstances = {}
) {
  const keyIds = namespaces.map((namespace) => {
    const user = userOf(namespace)
    return [user, accessKeyFor(Buffer.from(ROOT_KEY), user, 0).accessKeyId] as const
  })
  const tight = tightStore(Object.fromEntries(keyIds), faulty)
  const stub = await startStubStore(t, { ...tight, ...script })
  const { s3Endpoint } = stub.settings
  const settings = config({
    BUCKET_LAYOUT: layout,
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    AWS_ENDPOINT_URL_IAM: s3Endpoint
  })
  const store = buildSeaweedFs(settings.store, 'mlpipeline', () => t.fail('wrote an identity'))
  const told: string[] = []
  const run = (options: Partial<VerifyOptions> = {}) =>
    verify(settings, store, {
      namespaces: [],
      sideDoors: NO_DOORS,
      onProgress: (line) => told.push(line),
      signal: new AbortController().signal,
      ...options
    })
  return { stub, store, settings, told, run }
}

for (const layout of ['per-profile', 'shared']) {
  t.test(`two profiles are verified against each other in the ${layout} layout`, async (t) => {
    const { run, told, stub } = await verifying(t, ['team-a', 'team-b'], { layout })
    const { pairs, surroundings, ...rest } = await run()
    t.strictSame(rest, {
      endpoint: stub.settings.s3Endpoint,
      layout,
      storeVersion: '4.48',
      warnings: []
    })
    t.same(
      pairs.map(({ own, their }) => [own, their]),
      [
        ['team-a', 'team-b'],
        ['team-b', 'team-a']
      ]
    )
    for (const { seconds, results } of pairs) {
      t.ok(seconds > 0)
      const legitimate = results.filter(({ kind }) => kind === 'legitimate')
      t.equal(legitimate.length, LEGITIMATE_CASES.length)
      t.ok(legitimate.every(({ verdict }) => verdict === 'broken'))
      const attacks = results.filter(({ kind }) => kind === 'attack')
      t.ok(attacks.length > 400, `${attacks.length} attacks`)
      t.ok(attacks.every(({ verdict }) => verdict === 'ok'))
    }
    t.match(surroundings, [{ check: /^IAM on /, verdict: 'ok' }])
    t.match(told.slice(0, 2), ['team-a against team-b', /^ {2}100 of \d{3,4} cases$/])
    t.ok(told.includes('team-b against team-a'))
    const byAdmin = stub.requests.filter(({ headers }) =>
      headers.authorization?.includes('Credential=ADMINACCESSKEY/')
    )
    const writes = byAdmin.filter(({ operation }) => /^(PUT|DELETE|POST) /.test(operation))
    t.ok(writes.length > 0)
    t.ok(writes.every(({ operation }) => operation.includes(MARKS)))
  })
}

t.test('one profile, or the one that is named, is verified against nobody', async (t) => {
  const { run } = await verifying(t, ['team-a', 'team-b'])
  const { pairs } = await run({ namespaces: ['team-b'] })
  t.match(pairs, [{ own: 'team-b', their: '.s3-profile-controller/nobody' }])
})

t.test('pairsOf', async (t) => {
  const named = (pairs: ReturnType<typeof pairsOf>) =>
    pairs.map(([own, their]) => `${own.user} ${their.user}`.replaceAll(/profile-|-0123abcd/g, ''))
  const lives = (layout: 'per-profile' | 'shared', ...namespaces: string[]): Party[] =>
    namespaces.map((namespace, life) => {
      const one = party(layout, namespace)
      return {
        ...one,
        user: `${one.user}${life}`,
        ...(layout === 'per-profile' && { bucket: `b${life}` })
      }
    })
  const table: [what: string, parties: Party[], pairs: string[]][] = [
    ['nobody', [], []],
    ['one', lives('shared', 'a'), ['a0 nobody-at-all']],
    ['each and the next', lives('shared', 'a', 'b', 'c'), ['a0 b1', 'b1 c2', 'c2 a0']],
    [
      'two lives in one bucket',
      lives('shared', 'a', 'a'),
      ['a0 nobody-at-all', 'a1 nobody-at-all']
    ],
    ['two lives and another', lives('shared', 'a', 'a', 'b'), ['a0 b2', 'a1 b2', 'b2 a0']],
    ['two lives in two buckets', lives('per-profile', 'a', 'a'), ['a0 a1', 'a1 a0']]
  ]
  for (const [what, parties, pairs] of table) {
    t.same(named(pairsOf(parties, 'mlpipeline')), pairs, what)
  }
  const [[, nobody] = []] = pairsOf(lives('shared', 'a'), 'pipelines')
  t.match(nobody, { bucket: 'pipelines', prefix: /^private-artifacts\/\./ }, 'no namespace at all')
})

t.test(
  'a key that does not work would look isolated, so nothing is verified with it',
  async (t) => {
    const meanings: [answer: ProbeAnswer, meaning: RegExp][] = [
      ['unknown-key', /the gateway does not know it$/],
      ['wrong-secret', /is CREDENTIAL_ROOT_KEY the root key/],
      ['denied', /it is refused its own data$/],
      ['no-bucket', /bucket profile-team-a-[0-9a-f]+ does not exist$/]
    ]
    const { store, settings } = await verifying(t, ['team-a'])
    const options = {
      namespaces: [],
      sideDoors: NO_DOORS,
      onProgress: () => t.fail('went on'),
      signal: new AbortController().signal
    }
    for (const [answer, meaning] of meanings) {
      const failing = verify(settings, { ...store, probe: async () => answer }, options)
      const error = (await failing.catch((error: unknown) => error)) as CommandFailed
      t.ok(error instanceof CommandFailed, answer)
      t.match(error.message, /^The key of profile team-a does not work: [^\n]+$/)
      t.match(error.message, meaning)
    }
    const readable = { ...store, probe: async () => 'readable' as const }
    await t.resolves(verify(settings, readable, { ...options, onProgress: () => {} }))
  }
)

t.test('holes that the version is known for are warnings', async (t) => {
  const headers = { server: 'SeaweedFS 8000GB 4.34' }
  const script = {
    'GET /mlpipeline/.s3-profile-controller/ready': { ...s3Error(404, 'NoSuchKey'), headers }
  }
  const { run } = await verifying(t, ['team-a'], { layout: 'shared', script })
  t.match(await run(), { storeVersion: '4.34', warnings: [/^List markers show .*: upgrade to/] })
})

t.test('an interruption ends the cases, and the marks are removed', async (t) => {
  for (const moment of ['team-a against team-b', /100 of/]) {
    const { run, stub } = await verifying(t, ['team-a', 'team-b'])
    const interrupted = new AbortController()
    let asked = 0
    const onProgress = (line: string) => {
      if (!line.match(moment)) return
      asked = stub.requests.length
      interrupted.abort(new Error('Interrupted; the marks are removed'))
    }
    await t.rejects(run({ onProgress, signal: interrupted.signal }), {
      message: 'Interrupted; the marks are removed'
    })
    const after = stub.requests.slice(asked).map(({ operation }) => operation)
    t.ok(
      after.some((operation) => /^GET .*\?.*uploads/.test(operation)),
      'uploads are looked for'
    )
    t.ok(after.length < 60, `${after.length} requests`)
  }
})

t.test('a store that fails in the middle ends the command with one sentence', async (t) => {
  const refusal = s3Error(403, 'AccessDenied')
  const table: [what: string, isFaulty: (operation: string) => boolean, message: RegExp][] = [
    [
      'while it is sown',
      (operation) => operation.startsWith('PUT '),
      /^Object store refused sowing marks for profile team-a: AccessDenied: [^\n]+ \(HTTP 403\)$/
    ],
    [
      'while it is looked at',
      (operation) => operation.includes('?list-type'),
      /^Object store refused [^\n]+ marks for profile team-a: AccessDenied/
    ]
  ]
  for (const [what, isFaulty, message] of table) {
    const { run } = await verifying(t, ['team-a'], { faulty: (one) => isFaulty(one) && refusal })
    await t.rejects(run(), { message }, what)
  }
})

t.test('marks that cannot be removed are told, also after an interruption', async (t) => {
  for (const isInterrupted of [false, true]) {
    let isStuck = false
    const faulty = (operation: string) =>
      isStuck && operation.startsWith('GET ') && s3Error(403, 'No')
    const { run } = await verifying(t, ['team-a'], { faulty })
    const interrupted = new AbortController()
    const onProgress = (line: string) => {
      if (!line.includes('100 of')) return
      isStuck = true
      if (isInterrupted) interrupted.abort(new Error('Interrupted; the marks are removed'))
    }
    await t.rejects(run({ onProgress, signal: interrupted.signal }), {
      message:
        /^Object store refused removing marks for profile team-a: .*; \.s3-profile-controller\/verify\/\d+-[0-9a-f]+\/ is left, /
    })
  }
})
