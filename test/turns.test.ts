import t from 'tap'
import { BudgetExceeded } from '../src/errors.ts'
import { Turns } from '../src/turns.ts'
import { budget, spentBudget } from './fixtures/builders.ts'

/** A budget that ends when the test says so. */
function endingBudget() {
  const controller = new AbortController()
  return {
    budget: { namespace: 'team-a', signal: controller.signal },
    end: () => controller.abort()
  }
}

/** Until everything that can happen without outside help has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

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
    const first = Promise.withResolvers<string>()
    const running = turns.take('user-a', budget(), () => first.promise)
    const late = endingBudget()
    let started = false
    const waiting = turns.take('user-a', late.budget, async () => {
      started = true
    })
    const after = turns.take('user-a', budget(), async () => started)
    late.end()
    const step = 'taking the turn of user user-a for profile team-a'
    await t.rejects(waiting, new BudgetExceeded(step), 'while the first still runs')
    first.resolve('first')
    t.equal(await running, 'first')
    t.equal(await after, false)
    await settled()
    t.equal(started, false)
  })

  t.test('keeps one at a time when a wait is given up', async (t) => {
    const turns = new Turns()
    const first = Promise.withResolvers<void>()
    const events: string[] = []
    const running = turns.take('user-a', budget(), async () => {
      await first.promise
      events.push('first ends')
    })
    const late = endingBudget()
    const waiting = turns.take('user-a', late.budget, async () => {})
    late.end()
    await t.rejects(waiting, { code: 'S3P_BUDGET_EXCEEDED' })
    const retry = turns.take('user-a', budget(), async () => {
      events.push('retry')
    })
    await settled()
    t.strictSame(events, [], 'the retry waits for the call that still runs')
    first.resolve()
    await Promise.all([running, retry])
    t.strictSame(events, ['first ends', 'retry'])
  })

  t.test('refuses a budget that is spent on arrival', async (t) => {
    const turns = new Turns()
    const taken = turns.take('user-a', spentBudget('team-b'), async () => 'never')
    await t.rejects(taken, {
      code: 'S3P_BUDGET_EXCEEDED',
      statusCode: 503,
      message: 'The sync budget ran out before taking the turn of user user-a for profile team-b'
    })
    t.equal(await turns.take('user-a', budget(), async () => 'next'), 'next')
  })

  t.test('remembers nobody who has left, whichever way they left', async (t) => {
    const turns = new Turns()
    const first = Promise.withResolvers<void>()
    const late = endingBudget()
    const running = turns.take('user-a', budget(), () => first.promise)
    const givingUp = turns.take('user-a', late.budget, async () => {})
    const failing = turns.take('user-b', budget(), () => Promise.reject(new Error('failed')))
    t.equal(turns.size, 2)
    late.end()
    await t.rejects(givingUp)
    await t.rejects(failing)
    t.equal(turns.size, 1, 'one still runs')
    first.resolve()
    await running
    t.equal(turns.size, 0)
  })

  t.test('lets a finalize go before the syncs that wait', async (t) => {
    const turns = new Turns()
    const order: string[] = []
    const call = (name: string, isRemoval = false) =>
      turns.take('user-a', { ...budget(), isRemoval }, async () => {
        order.push(name)
      })
    await Promise.all([call('sync'), call('retry'), call('finalize', true)])
    t.strictSame(order, ['sync', 'finalize', 'retry'])
  })
})
