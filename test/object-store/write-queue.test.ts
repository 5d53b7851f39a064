import t from 'tap'
import { buildWriteQueue } from '../../src/object-store/write-queue.ts'
import { budget, spentBudget } from '../fixtures/builders.ts'
import { failureOf } from '../fixtures/stub-store.ts'

t.test('buildWriteQueue', async (t) => {
  t.test('runs one write at a time, in the order of arrival', async (t) => {
    const events: string[] = []
    const queue = buildWriteQueue((step) => events.push(`${step} begins`))
    const write = (step: string) =>
      queue(step, budget(), async () => {
        await new Promise(setImmediate)
        events.push(`${step} ends`)
        return step
      })
    const answers = await Promise.all([write('first'), write('second'), write('third')])
    t.strictSame(answers, ['first', 'second', 'third'])
    t.strictSame(events, [
      'first begins',
      'first ends',
      'second begins',
      'second ends',
      'third begins',
      'third ends'
    ])
  })

  t.test('tells the listener what is being written for whom', async (t) => {
    const told: unknown[] = []
    const queue = buildWriteQueue((step, { namespace }) => told.push([step, namespace]))
    await queue('creating user x', budget(1_000, 'team-b'), async () => {})
    t.strictSame(told, [['creating user x', 'team-b']])
  })

  t.test('passes a failure on and goes on with the next', async (t) => {
    const queue = buildWriteQueue(() => {})
    const failing = queue('first', budget(), async () => {
      throw new Error('refused')
    })
    const next = queue('second', budget(), async () => 'written')
    await t.rejects(failing, { message: 'refused' })
    t.equal(await next, 'written')
  })

  t.test('does not start a write whose budget ran out while it waited', async (t) => {
    const begun: string[] = []
    const queue = buildWriteQueue((step) => begun.push(step))
    const first = Promise.withResolvers<void>()
    const running = queue('first', budget(), () => first.promise)
    const late = new AbortController()
    const lateBudget = { namespace: 'team-a', signal: late.signal }
    const waiting = failureOf(queue('creating user x', lateBudget, async () => 'late'))
    const after = queue('after', budget(), async () => 'on time')
    late.abort()
    t.equal(
      await waiting,
      '503 S3P_BUDGET_EXCEEDED: The sync budget ran out before creating user x for profile team-a',
      'while the first is still being written'
    )
    t.strictSame(begun, ['first'])
    first.resolve()
    await running
    t.equal(await after, 'on time')
    t.strictSame(begun, ['first', 'after'])
  })

  t.test('waits for a write that was begun, and lets no other in before its end', async (t) => {
    const events: string[] = []
    const queue = buildWriteQueue((step) => events.push(`${step} begins`))
    const begun = Promise.withResolvers<void>()
    const first = Promise.withResolvers<string>()
    const ending = new AbortController()
    const running = queue('first', { namespace: 'team-a', signal: ending.signal }, () => {
      begun.resolve()
      return first.promise
    })
    const next = queue('second', budget(), async () => 'second')
    await begun.promise
    ending.abort()
    await new Promise(setImmediate)
    t.strictSame(events, ['first begins'])
    first.resolve('written')
    t.equal(await running, 'written')
    t.equal(await next, 'second')
    t.strictSame(events, ['first begins', 'second begins'])
  })

  t.test('passes a failure of the listener on and goes on with the next', async (t) => {
    const queue = buildWriteQueue((step) => {
      if (step === 'first') throw new Error('not told')
    })
    let isWritten = false
    const failing = queue('first', budget(), async () => {
      isWritten = true
    })
    const next = queue('second', budget(), async () => 'written')
    await t.rejects(failing, { message: 'not told' })
    t.equal(isWritten, false)
    t.equal(await next, 'written')
  })

  t.test('refuses a budget that is spent on arrival', async (t) => {
    let isWritten = false
    const told: string[] = []
    const queue = buildWriteQueue((step) => told.push(step))
    const write = queue('creating user x', spentBudget(), async () => {
      isWritten = true
    })
    t.match(await failureOf(write), /^503 S3P_BUDGET_EXCEEDED/)
    t.equal(isWritten, false)
    t.strictSame(told, [], 'nobody is told of a write that is not made')
  })
})
