import t from 'tap'
import { type Attack, attack } from '../../src/matrix/attack.ts'
import { distinctAttacks } from '../../src/matrix/attacks.ts'
import type { CaseResult, Reach } from '../../src/matrix/case-result.ts'
import { type Answer, textOf } from '../../src/matrix/request.ts'
import { runAttacks, type Witness } from '../../src/matrix/run-attacks.ts'
import type { Sown } from '../../src/matrix/seeds.ts'
import {
  answer,
  LAYOUTS,
  type Layout,
  reach,
  refusal,
  scene,
  sown,
  withVerdict
} from '../fixtures/matrix.ts'

interface Field {
  readonly layout?: Layout
  readonly attacks?: readonly Attack[]
  readonly reach?: Reach
  readonly sown?: Sown
  readonly witnesses?: readonly Witness[]
}

async function run({ layout = 'shared', attacks, reach: to, sown: seeds, witnesses }: Field) {
  const there = to ?? reach(() => refusal())
  const results: CaseResult[] = []
  const concrete = distinctAttacks(scene(layout), there, attacks)
  for await (const result of runAttacks(concrete, seeds ?? sown(layout), witnesses ?? [], there)) {
    results.push(result)
  }
  return results
}

/** What somebody may damage, and what was done about it. */
function witness() {
  const state = { damage: 'none', restored: 0 }
  return {
    state,
    name: 'their data',
    look: async () => state.damage,
    restore: async () => {
      state.damage = 'none'
      state.restored += 1
    }
  }
}

for (const layout of LAYOUTS) {
  t.test(`in the ${layout} layout`, async (t) => {
    t.test('a store that gives everything away is found in every group', async (t) => {
      const { words, their } = scene(layout)
      const everything = answer(200, `${words.content} ${their.accessKey.accessKeyId}`)
      const results = await run({ layout, reach: reach(() => everything) })
      const holed = new Set(
        results.filter(({ verdict }) => verdict === 'hole').map(({ group }) => group)
      )
      t.same(holed, new Set(results.map(({ group }) => group)))
      t.same(withVerdict(results, 'ok'), [])
    })

    t.test('a store that refuses everything has no hole', async (t) => {
      const results = await run({ layout, witnesses: [witness()] })
      t.ok(results.length > 0)
      t.ok(results.every(({ verdict }) => verdict === 'ok'))
    })
  })
}

const READ = attack('reads', 'GET /{their.bucket}/{their.mark}object')
const WRITE = attack('writes', 'PUT /{their.bucket}/{their.mark}object', { body: 'planted' })
/** Of which nobody can tell by its words whose it is. */
const SPELT = attack('reads', 'GET /{own.bucket}/{own.prefix}../{their.namespace}/{mark}object')
const LEAK = scene('shared').words.content

t.test('what is given away is a hole', async (t) => {
  const cases: [what: string, answer: Answer, evidence: string][] = [
    ['in an answer', answer(200, LEAK), 'the content of their object (HTTP 200)'],
    ['in a refusal', answer(403, LEAK), 'the content of their object (HTTP 403)'],
    ['in a header', answer(500, '', { x: LEAK }), 'the content of their object (HTTP 500)']
  ]
  for (const [what, given, evidence] of cases) {
    const [result] = await run({ attacks: [READ], reach: reach(() => given) })
    t.match(result, { verdict: 'hole', evidence: `it gave away ${evidence}` }, what)
  }

  t.test('also when it was copied to where the own key reads it', async (t) => {
    const loot = '/{own.bucket}/{own.mark}loot'
    const copy = attack('copies', `PUT ${loot}`, {
      headers: { 'x-amz-copy-source': '/{their.bucket}/{their.mark}object' },
      loot
    })
    const asked: string[] = []
    const store = reach((request) => {
      asked.push(`${request.method} ${request.path.split('/').at(-1)}`)
      return answer(200, request.method === 'GET' ? LEAK : '')
    })
    const [result] = await run({ attacks: [copy], reach: store })
    t.match(result, { verdict: 'hole', evidence: /the content of their object/ })
    t.same(asked, ['PUT loot', 'GET loot', 'DELETE loot'], 'and is removed')

    const refusing = reach(({ method }) => {
      asked.push(method)
      return refusal()
    })
    await run({ attacks: [copy], reach: refusing })
    t.same(asked.slice(3), ['PUT'], 'and is not looked for where the copy was refused')
  })
})

t.test('what nobody may even be answered is a hole when it is answered', async (t) => {
  const asked = [
    attack('reads', 'GET /{own.bucket}?policy', { judgedBy: 'status' }),
    attack('reads', 'HEAD /{their.bucket}/{their.mark}object')
  ]
  const verdicts: [answer: Answer, verdict: string][] = [
    [answer(200), 'hole'],
    [answer(204), 'hole'],
    [answer(304), 'hole'],
    [refusal('NoSuchBucketPolicy', 404), 'hole'],
    [refusal('BucketNotEmpty', 409), 'hole'],
    [refusal('PreconditionFailed', 412), 'hole'],
    [answer(403), 'ok'],
    [answer(405), 'ok'],
    [answer(501), 'ok'],
    [answer(200, '<ListBucketResult></ListBucketResult>'), 'ok'],
    [answer(200, '<DeleteResult xmlns="x"><Error></Error></DeleteResult>'), 'ok']
  ]
  for (const [given, verdict] of verdicts) {
    const results = await run({ attacks: asked, reach: reach(() => given) })
    t.same(
      results.map((result) => result.verdict),
      [verdict, verdict],
      `${given.status} ${given.body}`
    )
  }
  const stray = [attack('reads', 'POST /', { judgedBy: 'status' })]
  const [proxied] = await run({ attacks: stray, reach: reach(() => answer(404, 'not found')) })
  t.equal(proxied?.verdict, 'ok', 'a proxy on the way answers for nobody')
  for (const given of [answer(200, 'an own thing'), refusal('NoSuchKey', 404)]) {
    const [result] = await run({ attacks: [SPELT], reach: reach(() => given) })
    t.equal(result?.verdict, 'ok', 'where only effects tell, an answer alone is none')
  }
  const [inTheirBucket] = await run({
    layout: 'per-profile',
    attacks: [attack('writes', 'PUT /{their.bucket}/anything/{mark}object')],
    reach: reach(() => answer(200))
  })
  t.equal(inTheirBucket?.verdict, 'hole', 'in a bucket of theirs no key is an own one')
})

t.test('where only a denial will do, a complaint about the request is a hole', async (t) => {
  const lock = attack('writes', 'PUT /{their.bucket}?retention', { judgedBy: 'denial' })
  const verdicts: [answer: Answer, verdict: string][] = [
    [answer(401), 'ok'],
    [refusal(), 'ok'],
    [answer(405), 'ok'],
    [answer(501), 'ok'],
    [answer(200), 'hole'],
    [refusal('InvalidRequest', 400), 'hole'],
    [refusal('NoSuchKey', 404), 'hole']
  ]
  for (const [given, verdict] of verdicts) {
    const [result] = await run({ attacks: [lock], reach: reach(() => given) })
    t.equal(result?.verdict, verdict, String(given.status))
  }
})

t.test('damage', async (t) => {
  t.test('is a hole of the case that did it, and is restored', async (t) => {
    const seen = witness()
    const store = reach(({ method }) => {
      if (method === 'PUT') seen.state.damage = 'overwritten'
      return answer(200)
    })
    const results = await run({ attacks: [WRITE, SPELT], reach: store, witnesses: [seen] })
    t.same(withVerdict(results, 'hole'), [`${WRITE.line}: it changed their data (HTTP 200)`])
    t.equal(results.length, 2)
    t.same(seen.state, { damage: 'none', restored: 1 })
  })

  for (const status of [200, 302, 500]) {
    t.test(`is looked for where the answer was ${status}`, async (t) => {
      const seen = witness()
      const store = reach(() => {
        seen.state.damage = 'overwritten'
        return answer(status)
      })
      const [result] = await run({ attacks: [WRITE], reach: store, witnesses: [seen] })
      t.equal(result?.evidence, `it changed their data (HTTP ${status})`)
    })
  }

  t.test('is noticed even when all requests were refused', async (t) => {
    const seen = witness()
    const store = reach(() => {
      seen.state.damage = 'overwritten'
      return refusal()
    })
    const results = await run({ attacks: [WRITE, READ], reach: store, witnesses: [seen] })
    t.same(
      results.map(({ name, verdict }) => [name, verdict]),
      [
        [WRITE.line, 'ok'],
        ['all of "writes"', 'hole'],
        [READ.line, 'ok'],
        ['all of "reads"', 'hole']
      ]
    )
    t.equal(results[1]?.evidence, 'their data changed although every request was refused')
    t.equal(seen.state.damage, 'none')
  })

  t.test('is what cannot be looked at any more', async (t) => {
    const seen = witness()
    const gone = {
      ...seen,
      look: async () => {
        if (seen.state.damage !== 'none') throw new Error('NoSuchBucket')
        return 'there'
      }
    }
    const store = reach(() => {
      seen.state.damage = 'gone'
      return answer(204)
    })
    const [result] = await run({ attacks: [WRITE], reach: store, witnesses: [gone] })
    t.equal(result?.evidence, 'it changed their data (HTTP 204)')
    t.equal(seen.state.restored, 1)
  })

  t.test('that cannot be undone is told once', async (t) => {
    const seen = { ...witness(), restore: async () => {} }
    const store = reach(() => {
      seen.state.damage = 'for good'
      return answer(200)
    })
    const write = { ...SPELT, line: SPELT.line.replace('GET', 'PUT') }
    const twice = [write, { ...write, body: 'planted again' }]
    const results = await run({ attacks: twice, reach: store, witnesses: [seen] })
    t.same(
      results.map(({ verdict }) => verdict),
      ['hole', 'ok']
    )
  })
})

t.test('what a PUT planted', async (t) => {
  const line = 'PUT /{own.bucket}/{own.prefix}../{mark}object'
  const plant = attack('writes', line, { body: 'planted' })

  /** What is looked at, removed and restored, in order; the store answers `status` and does `harm`. */
  async function eventsOf(one: Attack, status: number, harm = '') {
    const events: string[] = []
    const seen = witness()
    const store = reach(() => {
      events.push('the request')
      if (harm !== '') seen.state.damage = harm
      return answer(status)
    })
    const watching: Witness = {
      name: seen.name,
      look: async () => {
        events.push('look')
        return seen.look()
      },
      restore: async () => {
        events.push('restore')
        await seen.restore()
      }
    }
    const removePlanted = async (path: string) => void events.push(`remove ${path}`)
    const seeds = sown('shared', { removePlanted })
    const [result] = await run({
      attacks: [one],
      reach: store,
      sown: seeds,
      witnesses: [watching]
    })
    return { events: events.slice(events.indexOf('the request') + 1), verdict: result?.verdict }
  }

  t.test('is removed after a look, and then comes another', async (t) => {
    const path = '/mlpipeline/private-artifacts/team-a/../.s3-profile-controller/verify/1-aa/object'
    const { events, verdict } = await eventsOf(plant, 200)
    t.same(events, ['look', `remove ${path}`, 'look', 'look'], 'the last is that of the group')
    t.equal(verdict, 'ok')
  })

  t.test('goes with the restoring where it did damage', async (t) => {
    const { events, verdict } = await eventsOf(WRITE, 200, 'overwritten')
    t.same(events, ['look', 'restore', 'look', 'look'])
    t.equal(verdict, 'hole')
  })

  t.test('is put back where the path meant a seed', async (t) => {
    const seen = witness()
    const seeds = sown('shared', {
      removePlanted: async () => {
        seen.state.damage = 'gone'
      }
    })
    const store = reach(() => answer(200))
    const results = await run({ attacks: [plant], reach: store, sown: seeds, witnesses: [seen] })
    t.same(seen.state, { damage: 'none', restored: 1 })
    t.same(withVerdict(results, 'hole'), [], 'which is nobody’s fault')
  })

  const loot = '/{own.bucket}/{own.mark}loot'
  const others: [what: string, one: Attack, status: number][] = [
    ['of a request that was refused', plant, 403],
    ['of a copy, which is read first', attack('copies', `PUT ${loot}`, { loot }), 200],
    ['of another method', attack('deletes', line.replace('PUT', 'DELETE')), 204]
  ]
  for (const [what, one, status] of others) {
    t.test(`is not looked for ${what}`, async (t) => {
      const { events } = await eventsOf(one, status)
      t.notMatch(events.join(), 'remove')
    })
  }
})

t.test('a case shows nothing', async (t) => {
  const mismatch = reach(() => refusal('SignatureDoesNotMatch'))

  const faults = ['SignatureDoesNotMatch', 'InvalidAccessKeyId', 'MalformedXML', 'InvalidPart']
  for (const code of faults) {
    t.test(`when the store says ${code}`, async (t) => {
      const [result] = await run({ attacks: [READ], reach: reach(() => refusal(code)) })
      t.match(result, { verdict: 'inconclusive', evidence: code })
    })
  }

  t.test('when its form does not say what its policy says', async (t) => {
    const message = '<Code>AccessDenied</Code><Message>Policy Condition failed</Message>'
    const [result] = await run({ attacks: [READ], reach: reach(() => answer(403, message)) })
    t.equal(result?.verdict, 'inconclusive')
  })

  t.test('unless the signature was forged on purpose', async (t) => {
    const forged = attack('forged', READ.line, { isForged: true })
    t.equal((await run({ attacks: [forged], reach: mismatch }))[0]?.verdict, 'ok')
  })

  t.test('when there is no answer', async (t) => {
    const s3 = () => Promise.reject(new Error('socket hang up'))
    const [result] = await run({ attacks: [READ], reach: { s3, iam: {}, region: 'us-east-1' } })
    t.match(result, { verdict: 'inconclusive', evidence: 'socket hang up' })
  })
})

t.test('every attack uses the own key and an own upload that is open', async (t) => {
  const texts: string[] = []
  const keys = new Set<string>()
  const field = scene('shared')
  const seeds = sown('shared', {
    scene: field,
    ensureOwnUpload: async () => {
      field.uploads.own = `${field.uploads.own}+`
    }
  })
  const s3: Reach['s3'] = async (request, _signing, { accessKeyId }) => {
    texts.push(textOf(request))
    keys.add(accessKeyId)
    return answer(200)
  }
  const upload = attack('uploads', 'PUT /{own.bucket}/{own.mark}upload?uploadId={own.upload}')
  const twice = [upload, { ...upload, body: 'other' }]
  await run({ attacks: twice, reach: { s3, iam: {}, region: 'r' }, sown: seeds })
  t.same([...keys], [field.own.accessKey.accessKeyId])
  t.not(
    /uploadId=([^\n]*)/.exec(texts[0] ?? '')?.[1],
    /uploadId=([^\n]*)/.exec(texts[1] ?? '')?.[1]
  )
})
