import t from 'tap'
import { overloadMs, paceAfter, retryAfterSeconds, waitMs } from '../../src/desired/pace.ts'

t.test('paceAfter', async (t) => {
  t.test('follows a store that gets slower', async (t) => {
    let pace: number | undefined = 500
    for (let call = 0; call < 30; call++) pace = paceAfter(pace, 2_000, true)
    t.equal(Math.round(pace ?? 0), 1_998)
    t.equal(paceAfter(500, 1_000, true), 600, 'not at once')
    t.equal(paceAfter(500, 0.5, true), 400.1, 'and one that is faster')
  })

  t.test('begins with the first call that wrote', async (t) => {
    t.equal(paceAfter(undefined, 0, true), undefined)
    t.equal(paceAfter(undefined, 2_000, true), 2_000)
    t.equal(paceAfter(undefined, 3_000, false), 3_000)
  })

  t.test('learns nothing of a call that wrote nothing', async (t) => {
    t.equal(paceAfter(500, 0, true), 500)
    t.equal(paceAfter(500, 0, false), 500)
  })

  t.test('learns of one that broke off only that it takes so long at least', async (t) => {
    t.equal(paceAfter(500, 400, false), 500)
    t.equal(paceAfter(500, 1_000, false), 600)
  })
})

t.test('overloadMs', async (t) => {
  const paceMs = 1_000

  t.test('lets in whoever ends within half of its budget', async (t) => {
    const load = { usedMs: [0, 0, 0, 0], paceMs, writers: 1 }
    t.equal(overloadMs(load, 10_000), 0)
    t.equal(overloadMs(load, 9_000), 500)
  })

  t.test('counts only what those under way have left', async (t) => {
    t.equal(overloadMs({ usedMs: [0, 400, 900, 5_000], paceMs, writers: 1 }, 4_000), 700)
  })

  t.test('shares the work among those who may write at once', async (t) => {
    const usedMs = Array.from({ length: 16 }, () => 0)
    t.equal(overloadMs({ usedMs, paceMs, writers: 8 }, 6_000), 0)
    t.equal(overloadMs({ usedMs, paceMs, writers: 8 }, 4_000), 1_000)
  })

  t.test('lets in whoever has nobody before it, however slow the store is', async (t) => {
    t.equal(overloadMs({ usedMs: [], paceMs: 31_000, writers: 1 }, 10_000), 0)
    t.equal(overloadMs({ usedMs: [0], paceMs: 31_000, writers: 1 }, 10_000), 31_000)
  })
})

t.test('waitMs', async (t) => {
  const load = { usedMs: [], paceMs: 1_000, writers: 1 }
  t.equal(waitMs(2_000, 0, load), 2_000)
  t.equal(waitMs(2_000, 3, load), 5_000, 'one after the other')
  t.equal(waitMs(2_000, 3, { ...load, writers: 4 }), 2_750)
})

t.test('retryAfterSeconds', async (t) => {
  t.test('is a whole number, and never nothing', async (t) => {
    t.strictSame(
      [0, 1, 999, 1_000, 1_001, 59_999].map((ms) => retryAfterSeconds(ms, 0.5)),
      [1, 1, 1, 1, 2, 60]
    )
  })

  t.test('spreads those who are beyond the minute over its second half', async (t) => {
    t.strictSame(
      [0, 0.5, 0.999].map((random) => retryAfterSeconds(60_000, random)),
      [30, 45, 60]
    )
  })
})
