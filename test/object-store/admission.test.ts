import t from 'tap'
import { Busy } from '../../src/errors.ts'
import { buildAdmission } from '../../src/object-store/admission.ts'
import type { Budget } from '../../src/object-store/object-store.ts'
import { budget as anyBudget } from '../fixtures/builders.ts'

/** An admission at a time of its own, and calls that end when the test says so. */
function onTheClock(writers = 1) {
  const clock = { now: 0 }
  const admission = buildAdmission(
    writers,
    () => clock.now,
    () => 0
  )
  const budget = (milliseconds = 10_000, namespace = 'team-a'): Budget => ({
    namespace,
    signal: new AbortController().signal,
    endsAt: clock.now + milliseconds
  })
  function begin(about = budget()) {
    const work = Promise.withResolvers<string>()
    const answer = admission.admit(about, () => work.promise)
    return { ...work, about, answer }
  }
  /** One call after the other whose writes take so long, until that is the pace. */
  async function learn(paceMs: number) {
    for (let nth = 0; nth < 50; nth++) {
      const { about, answer, resolve } = begin()
      admission.writeEnded(about, paceMs)
      resolve('')
      await answer
    }
  }
  return { ...admission, clock, budget, begin, learn }
}

t.test('admit', async (t) => {
  t.test('gives what the work gives, and passes its failure on', async (t) => {
    const { admit } = buildAdmission(1)
    t.equal(await admit(anyBudget(), async () => 'done'), 'done')
    await t.rejects(
      admit(anyBudget(), () => Promise.reject(new Error('refused'))),
      new Error('refused')
    )
  })

  t.test('turns away whoever cannot end inside its budget, before it begins', async (t) => {
    const { begin, admit, budget, learn } = onTheClock()
    await learn(1_000)
    const inside = [1, 2, 3, 4].map(() => begin())
    let isBegun = false
    const late = admit(budget(8_000, 'team-b'), async () => {
      isBegun = true
    })
    await t.rejects(late, new Busy('team-b', 1))
    await t.rejects(late, {
      statusCode: 429,
      code: 'S3P_BUSY',
      message:
        'The object store is busy with other profiles, and profile team-b has its turn in about 1 s'
    })
    t.equal(isBegun, false)
    t.equal(await admit(budget(20_000), async () => 'has time'), 'has time')
    for (const { resolve, answer } of inside) {
      resolve('done')
      t.equal(await answer, 'done')
    }
    t.equal(await admit(budget(8_000), async () => 'now'), 'now')
  })

  t.test('calls them back one after the other', async (t) => {
    const { begin, admit, budget, learn, clock } = onTheClock()
    await learn(3_000)
    const { resolve, answer } = begin()
    const seconds = async (team: string) => {
      const error = await admit(budget(10_000, team), async () => {}).catch((failure) => failure)
      return error?.retryAfterSeconds
    }
    t.strictSame([await seconds('a'), await seconds('b'), await seconds('c')], [1, 4, 7])
    t.equal(await seconds('b'), 4, 'who comes back keeps its place')
    clock.now += 32_000
    t.equal(await seconds('d'), 7, 'a is not expected any more')
    for (let nth = 0; nth < 30; nth++) await seconds(`other-${nth}`)
    t.equal(await seconds('e'), 30, 'between half a minute and a whole one')
    resolve('')
    await answer
    t.equal(await seconds('b'), undefined, 'it is let in')
    begin()
    t.equal(await seconds('d'), 4, 'nobody waits for b any more')
  })

  t.test('never turns away what takes away, nor whoever has no end', async (t) => {
    const { begin, admit, budget, learn } = onTheClock()
    await learn(30_000)
    begin()
    await t.rejects(
      admit(budget(), async () => {}),
      { code: 'S3P_BUSY' }
    )
    t.equal(await admit({ ...budget(), isRemoval: true }, async () => 'gone'), 'gone')
    t.equal(await admit(anyBudget(), async () => 'swept'), 'swept')
  })

  t.test('hears of a slow store from calls that fail, too', async (t) => {
    const { begin, admit, budget, writeEnded } = onTheClock()
    for (let nth = 0; nth < 5; nth++) {
      const { about, answer, reject } = begin()
      writeEnded(about, 25_000)
      reject(new Error('too slow'))
      await t.rejects(answer)
    }
    begin()
    await t.rejects(
      admit(budget(), async () => {}),
      { code: 'S3P_BUSY' }
    )
  })

  t.test('counts what those under way have written', async (t) => {
    const { begin, admit, budget, writeEnded, learn } = onTheClock()
    await learn(2_000)
    const { about } = begin()
    await t.rejects(
      admit(budget(7_000), async () => {}),
      { code: 'S3P_BUSY' }
    )
    writeEnded(about, 1_500)
    writeEnded(budget(), 60_000)
    t.equal(await admit(budget(7_000), async () => 'enough is left'), 'enough is left')
  })
})
