import { getEventListeners } from 'node:events'
import t from 'tap'
import { BudgetExceeded } from '../src/errors.ts'
import { Line } from '../src/line.ts'
import { budget, spentBudget } from './fixtures/builders.ts'

/** A budget that ends when the test says so. */
function endingBudget() {
  const controller = new AbortController()
  const { signal } = controller
  return {
    budget: { namespace: 'team-a', signal },
    end: () => controller.abort(),
    listeners: () => getEventListeners(signal, 'abort').length
  }
}

/** Until everything that can happen without outside help has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

t.test('take', async (t) => {
  const exceeded = new BudgetExceeded('waiting for profile team-a')

  t.test('gives what the work gives, and passes its failure on', async (t) => {
    const line = new Line(1)
    t.equal(await line.take('lane', 'waiting', budget(), async () => 'done'), 'done')
    const failing = line.take('lane', 'waiting', budget(), async () => {
      throw new Error('refused')
    })
    await t.rejects(failing, new Error('refused'))
    const throwing = line.take('lane', 'waiting', budget(), () => {
      throw new Error('thrown before any promise')
    })
    await t.rejects(throwing, new Error('thrown before any promise'))
    t.equal(await line.take('lane', 'waiting', budget(), async () => 'goes on'), 'goes on')
  })

  t.test('ends a wait the moment its budget ends, and the line goes on', async (t) => {
    const line = new Line(1)
    const first = Promise.withResolvers<string>()
    const events: string[] = []
    const running = line.take('lane', 'running', budget(), () => first.promise)
    const late = endingBudget()
    const waiting = line.take('lane', 'waiting', late.budget, async () => {
      events.push('late')
    })
    const after = line.take('lane', 'after', budget(), async () => {
      events.push('after')
    })
    late.end()
    await t.rejects(waiting, exceeded)
    t.strictSame(events, [], 'the one before is still running')
    first.resolve('first')
    t.equal(await running, 'first')
    await after
    await settled()
    t.strictSame(events, ['after'])
  })

  t.test('starts nothing when the budget ends between arrival and start', async (t) => {
    const line = new Line(1)
    const late = endingBudget()
    let isStarted = false
    const waiting = line.take('lane', 'waiting', late.budget, async () => {
      isStarted = true
    })
    late.end()
    await t.rejects(waiting, exceeded)
    await settled()
    t.equal(isStarted, false)
    t.equal(line.lanes, 0)
  })

  t.test('does not even queue up for a budget that is spent on arrival', async (t) => {
    const line = new Line(1)
    let isStarted = false
    const waiting = line.take('lane', 'waiting', spentBudget(), async () => {
      isStarted = true
    })
    t.equal(line.lanes, 0)
    await t.rejects(waiting, exceeded)
    await settled()
    t.equal(isStarted, false)
  })

  t.test('waits for what has been started, whatever the budget says', async (t) => {
    const line = new Line(1)
    const ending = endingBudget()
    const begun = Promise.withResolvers<void>()
    const work = Promise.withResolvers<string>()
    const running = line.take('lane', 'running', ending.budget, () => {
      begun.resolve()
      return work.promise
    })
    await begun.promise
    ending.end()
    await settled()
    work.resolve('kept')
    t.equal(await running, 'kept')
  })

  t.test('listens to the budget only while it waits', async (t) => {
    const line = new Line(1)
    const first = Promise.withResolvers<void>()
    const [used, ended] = [endingBudget(), endingBudget()]
    const running = line.take('lane', 'running', budget(), () => first.promise)
    const waiting = line.take('lane', 'waiting', used.budget, async () => used.listeners())
    const giving = line.take('lane', 'waiting', ended.budget, async () => {})
    t.equal(used.listeners(), 1)
    t.equal(ended.listeners(), 1)
    ended.end()
    await t.rejects(giving, exceeded)
    t.equal(ended.listeners(), 0, 'gone with the wait')
    first.resolve()
    await running
    t.equal(await waiting, 0, 'gone before the work begins')
    t.equal(used.listeners(), 0)
  })
})

t.test('the order', async (t) => {
  /** Everybody arrives while the line is busy; then says who began, in which order. */
  async function orderOf(arrivals: [lane: string, name: string, isRemoval?: boolean][]) {
    const line = new Line(1)
    const first = Promise.withResolvers<void>()
    const running = line.take('z', 'running', budget(), () => first.promise)
    const order: string[] = []
    const turns = arrivals.map(([lane, name, isRemoval = false]) =>
      line.take(lane, 'waiting', { ...budget(), isRemoval }, async () => {
        order.push(name)
      })
    )
    t.equal(line.length, arrivals.length)
    first.resolve()
    await Promise.all([running, ...turns])
    t.equal(line.length, 0)
    t.equal(line.lanes, 0)
    return order.join(' ')
  }

  t.test('is that of arrival in one lane', async (t) => {
    const arrivals = ['a1', 'a2', 'a3'].map((name): [string, string] => ['a', name])
    t.equal(await orderOf(arrivals), 'a1 a2 a3')
  })

  t.test('gives each lane its turn, however much one has to do', async (t) => {
    const order = await orderOf([
      ['a', 'a1'],
      ['a', 'a2'],
      ['a', 'a3'],
      ['b', 'b1'],
      ['c', 'c1'],
      ['b', 'b2']
    ])
    t.equal(order, 'a1 b1 c1 a2 b2 a3')
  })

  t.test('puts what takes away before what gives, in its own lane', async (t) => {
    const order = await orderOf([
      ['a', 'a1'],
      ['b', 'b1'],
      ['b', 'b2 goes', true],
      ['b', 'b3 goes', true],
      ['b', 'b4']
    ])
    t.equal(order, 'a1 b2 goes b3 goes b1 b4')
  })

  t.test('lets who comes back for more wait for those who were there', async (t) => {
    const line = new Line(1)
    const order: string[] = []
    const turn = (lane: string) =>
      line.take(lane, 'waiting', budget(), async () => {
        order.push(lane)
      })
    const thrice = async (lane: string) => {
      for (let nth = 0; nth < 3; nth++) await turn(lane)
    }
    await Promise.all([thrice('a'), thrice('b'), thrice('c')])
    t.equal(order.join(' '), 'a b c a b c a b c')
  })

  t.test('lets in as many at once as it has places, and one of each lane', async (t) => {
    const line = new Line(2)
    const begun: string[] = []
    const ends = new Map<string, () => void>()
    const turn = (lane: string, name: string) =>
      line.take(lane, 'waiting', budget(), () => {
        begun.push(name)
        return new Promise<void>((resolve) => ends.set(name, resolve))
      })
    const turns = [turn('a', 'a1'), turn('a', 'a2'), turn('b', 'b1'), turn('c', 'c1')]
    await settled()
    t.strictSame(begun, ['a1', 'b1'])
    t.equal(line.length, 2)
    ends.get('b1')?.()
    await settled()
    t.strictSame(begun, ['a1', 'b1', 'c1'], 'a2 waits for a1')
    ends.get('a1')?.()
    await settled()
    t.strictSame(begun, ['a1', 'b1', 'c1', 'a2'])
    for (const end of ends.values()) end()
    await Promise.all(turns)
  })
})
