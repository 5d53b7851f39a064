import t from 'tap'
import { type Attack, attack } from '../../src/matrix/attack.ts'
import { ATTACKS, distinctAttacks, nameOf, requestOf } from '../../src/matrix/attacks.ts'
import type { Request } from '../../src/matrix/request.ts'
import { MARKS } from '../../src/matrix/scene.ts'
import { answer, LAYOUTS, type Layout, reach, scene } from '../fixtures/matrix.ts'

const MIN_CASES = 400
const REACH = reach(() => answer(200))

/** An attack as it goes over the wire in a scene. */
interface Case {
  readonly attack: Attack
  readonly name: string
  readonly request: Request
}

function cases(layout: Layout, attacks: readonly Attack[] = ATTACKS): Case[] {
  const concrete = distinctAttacks(scene(layout), REACH, attacks)
  return concrete.map(({ attack }) => ({
    attack,
    name: nameOf(attack, ''),
    request: requestOf(attack, scene(layout), REACH.region, true)
  }))
}

for (const layout of LAYOUTS) {
  t.test(`the attacks in the ${layout} layout`, async (t) => {
    const all = cases(layout)
    const harmless = all.filter(({ attack }) => attack.risk === 'none')
    const namesOf = (found: typeof all) => found.map(({ name }) => name)

    t.test('are many', async (t) => {
      t.ok(all.length >= MIN_CASES, `${all.length} cases`)
    })

    t.test('differ in what goes over the wire', async (t) => {
      const texts = all.map(({ attack: { signing, loot, form }, request }) =>
        // A form is signed anew each time.
        JSON.stringify([signing, loot, form ? { ...request, headers: {}, body: form } : request])
      )
      t.equal(new Set(texts).size, texts.length)
    })

    t.test('come group by group, those on identities last', async (t) => {
      const turns = all.filter(({ attack }, index) => attack.group !== all[index - 1]?.attack.group)
      t.equal(turns.length, new Set(turns.map(({ attack }) => attack.group)).size)
      const apis = turns.map(({ attack }) => attack.api)
      t.same(apis, apis.toSorted().reverse())
    })

    t.test('without risk write below marks and nowhere else', async (t) => {
      t.same(namesOf(harmless.filter((one) => !writesBelowMarks(one))), [])
    })

    t.test('without risk write neither buckets nor identities', async (t) => {
      const onBuckets = harmless.filter(
        ({ attack: { api }, request: { method, path } }) =>
          api === 's3' && /PUT|DELETE/.test(method) && !/[^/]\/+[^/]/.test(path)
      )
      t.same(namesOf(onBuckets), [])
      const onIdentities = harmless.filter(
        ({ attack: { api }, name }) => api === 'iam' && !/Action=(Get|List|Assume)/.test(name)
      )
      t.same(namesOf(onIdentities), [])
    })
  })
}

/** Reads write nothing; a POST on a bucket names its keys in the body. */
function writesBelowMarks({ attack: { api }, request }: Case): boolean {
  const { method, path, query, body } = request
  const isMarked = (text: string) => decodeURIComponent(text).replaceAll('\\', '/').includes(MARKS)
  if (api === 'iam' || method === 'GET' || method === 'HEAD' || isMarked(path)) return true
  const isBatch = query.some(([name]) => name === 'delete')
  const pattern = isBatch ? /<Key>([^<]*)</g : /name="key"\r\n\r\n([^\r]*)/gi
  const keys = [...body.matchAll(pattern)].map(([, key = '']) => key)
  return method === 'POST' && keys.length > 0 && keys.every(isMarked)
}

t.test('the check of marks itself refuses what is beside them', async (t) => {
  const lines: [line: string, rest?: Partial<Attack>][] = [
    ['PUT /{their.bucket}/{their.prefix}object'],
    ['DELETE /{their.bucket}'],
    ['POST /{their.bucket}?delete', { body: '<Key>{their.mark}object</Key><Key>model</Key>' }],
    ['POST /{their.bucket}', { form: { key: '{their.prefix}object' } }],
    ['POST /{their.bucket}', { body: 'anything' }]
  ]
  for (const [line, rest] of lines) {
    const [only] = cases('shared', [attack('group', line, rest)])
    t.equal(only && writesBelowMarks(only), false, line)
  }
})

t.test('distinctAttacks', async (t) => {
  t.test('drops what became the same', async (t) => {
    const twice = [
      attack('a', 'GET /{own.bucket}?prefix={their.prefix}'),
      attack('b', 'GET /{their.bucket}?prefix={their.prefix}'),
      attack('b', 'GET /{their.bucket}?prefix={their.prefix}', { signing: 'unsigned' })
    ]
    t.equal(distinctAttacks(scene('per-profile'), REACH, twice).length, 3)
    const inOneBucket = distinctAttacks(scene('shared'), REACH, twice)
    t.same(
      inOneBucket.map(({ attack }) => [attack.group, attack.signing]),
      [
        ['a', 'header'],
        ['b', 'unsigned']
      ]
    )
  })

  t.test('keeps what differs in the fields of a form or in the loot', async (t) => {
    const line = 'POST /{their.bucket}'
    const several = [
      attack('a', line, { form: { key: '{their.mark}a' } }),
      attack('a', line, { form: { key: '{their.mark}b' } }),
      attack('a', line, { loot: '/{own.bucket}/loot' }),
      attack('a', line)
    ]
    t.equal(distinctAttacks(scene('shared'), REACH, several).length, 4)
  })

  t.test('sends IAM calls to every endpoint that might serve them', async (t) => {
    const [call] = [attack('a', 'POST /', { api: 'iam', body: 'Action=ListUsers' })]
    const { s3 } = REACH
    const both = { ...REACH, iam: { 'the S3 endpoint': s3, 'port 8111': s3 } }
    const found = distinctAttacks(scene('shared'), both, [call, attack('a', 'GET /')])
    t.same(
      found.map(({ endpoint }) => endpoint),
      ['the S3 endpoint', 'port 8111', '']
    )
  })

  t.test('leaves out what is right in a bucket that is the own one, too', async (t) => {
    const head = [attack('a', 'HEAD /{their.bucket}')]
    t.equal(distinctAttacks(scene('shared'), REACH, head).length, 0)
    t.equal(distinctAttacks(scene('per-profile'), REACH, head).length, 1)
  })

  t.test('does not let a misspelt name pass for a refusal', async (t) => {
    const misspelt = [attack('a', 'GET /{their.buckett}')]
    t.throws(() => distinctAttacks(scene('shared'), REACH, misspelt), /\{their\.buckett\}/)
  })
})

t.test('requestOf signs a form for their bucket with the own key', async (t) => {
  const form = attack('a', 'POST /{their.bucket}', { form: { key: '{their.mark}object' } })
  const { headers, body } = requestOf(form, scene('per-profile'), 'us-east-1', true)
  t.match(headers['content-type'], /^multipart\/form-data; boundary=/)
  t.match(body, /name="bucket"\r\n\r\nprofile-team-a-2-0123abcd\r\n/)
  t.match(body, /Credential|KEYOFTEAM-AEND\/\d{8}\/us-east-1/)
})

t.test('nameOf tells a case in one line, names unfilled', async (t) => {
  const names: [attack: Attack, endpoint: string, name: string][] = [
    [attack('a', 'GET /{their.bucket}'), '', 'GET /{their.bucket}'],
    [attack('a', 'GET /', { signing: 'unsigned' }), '', 'GET / | unsigned'],
    [
      attack('a', 'PUT /a', { headers: { 'x-amz-acl': 'private' }, body: 'planted' }),
      '',
      'PUT /a | x-amz-acl: private'
    ],
    [
      attack('a', 'POST /a', { form: { key: '{their.mark}object' }, signing: 'unsigned' }),
      '',
      'POST /a | key: {their.mark}object | unsigned'
    ],
    [
      attack('a', 'POST /', {
        api: 'iam',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'Action=PutUserPolicy&UserName={own.user}&PolicyDocument=%7B%7D'
      }),
      'port 8111',
      'POST / on port 8111 | Action=PutUserPolicy&UserName={own.user}'
    ]
  ]
  for (const [attack, endpoint, name] of names) t.equal(nameOf(attack, endpoint), name)
})
