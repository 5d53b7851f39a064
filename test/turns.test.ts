import t from 'tap'
import { BudgetExceeded } from '../src/errors.ts'
import { Turns } from '../src/turns.ts'
import { budget, spentBudget } from './fixtures/builders.ts'

t.test('take', async (t) => {
  t.test('runs the calls of one user one after another, in the order of arrival', async (t) => {
    const turns = new Turns()
    const events: string[] = []
    const first = Promise.withResolvers<void>()
    const calls = [
      turns.take('user-a', budget(), async () => {
        events.push('first begins')
        await first.promise
        events.push('first ends')
        return 1
      }),
      turns.take('user-a', budget(), async () => {
        events.push('second')
        return 2
      }),
      turns.take('user-a', budget(), async () => {
        events.push('third')
        return 3
      })
    ]
    await turns.take('user-b', budget(), async () => {
      events.push('another user')
    })
    t.strictSame(events, ['first begins', 'another user'], 'other users do not wait')
    first.resolve()
    t.strictSame(await Promise.all(calls), [1, 2, 3])
    t.strictSame(events, ['first begins', 'another user', 'first ends', 'second', 'third'])
  })

  t.test('serialises calls that arrive while the line is emptying', async (t) => {
    const turns = new Turns()
    let running = 0
    let most = 0
    const work = async () => {
      running += 1
      most = Math.max(most, running)
      await new Promise(setImmediate)
      running -= 1
    }
    const call = () => turns.take('user-a', budget(), work)
    await Promise.all([call().then(call), call().then(call), call().then(call)])
    t.equal(most, 1)
  })

  t.test('passes a failure on and lets the next one in', async (t) => {
    const turns = new Turns()
    const failing = turns.take('user-a', budget(), async () => {
      throw new Error('first failed')
    })
    const next = turns.take('user-a', budget(), async () => 'second')
    await t.rejects(failing, { message: 'first failed' })
    t.equal(await next, 'second')
  })

  t.test('does not start work whose budget ran out while it waited', async (t) => {
    const turns = new Turns()
    const first = Promise.withResolvers<void>()
    const running = turns.take('user-a', budget(), () => first.promise)
    const late = new AbortController()
    let started = false
    const waiting = turns.take('user-a', { namespace: 'team-a', signal: late.signal }, async () => {
      started = true
    })
    late.abort()
    first.resolve()
    await running
    await t.rejects(waiting, new BudgetExceeded('the turn of profile team-a'))
    t.equal(started, false)
  })

  t.test('refuses a budget that is spent on arrival', async (t) => {
    const taken = new Turns().take('user-a', spentBudget('team-b'), async () => 'never')
    await t.rejects(taken, {
      code: 'S3P_BUDGET_EXCEEDED',
      statusCode: 503,
      message: 'The sync budget ran out before the turn of profile team-b'
    })
  })
})
