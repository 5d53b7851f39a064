import t from 'tap'
import { Memory } from '../src/memory.ts'

const VERIFY_INTERVAL_MS = 1_000
const TEN_MINUTES_MS = 600_000
const GOING = 'version-1'

/** A memory and the hands of its clock. */
function memoryWithClock() {
  let now = 5_000
  const memory = new Memory(VERIFY_INTERVAL_MS, () => now)
  const pass = (milliseconds: number) => {
    now += milliseconds
  }
  return { memory, pass }
}

t.test('isProven', async (t) => {
  t.test('knows nothing at first', async (t) => {
    const { memory } = memoryWithClock()
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), false)
  })

  t.test('trusts a proof for the interval and not longer', async (t) => {
    const { memory, pass } = memoryWithClock()
    memory.rememberProof('user-a', 'KEY1', 'uid-1')
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), true)
    pass(VERIFY_INTERVAL_MS - 1)
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), true, 'asking does not prolong it')
    pass(1)
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), false)
  })

  t.test('is about one user, one key and one Secret object', async (t) => {
    const { memory } = memoryWithClock()
    memory.rememberProof('user-a', 'KEY1', 'uid-1')
    t.equal(memory.isProven('user-b', 'KEY1', 'uid-1'), false)
    t.equal(memory.isProven('user-a', 'KEY2', 'uid-1'), false)
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-2'), false)
    t.equal(memory.isProven('user-a', 'KEY1', undefined), false)
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), true, 'a wrong question spoils nothing')
  })

  t.test('gives a proof made before the Secret existed to the first one seen', async (t) => {
    const { memory } = memoryWithClock()
    memory.rememberProof('user-a', 'KEY1', undefined)
    t.equal(memory.isProven('user-a', 'KEY2', 'uid-0'), false, 'not to another pair')
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), true)
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-2'), false)
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), true)
  })

  t.test('keeps the latest proof only', async (t) => {
    const { memory } = memoryWithClock()
    memory.rememberProof('user-a', 'KEY1', 'uid-1')
    memory.rememberProof('user-a', 'KEY2', 'uid-1')
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), false)
    t.equal(memory.isProven('user-a', 'KEY2', 'uid-1'), true)
  })
})

t.test('hasFreshProof', async (t) => {
  t.test('knows who was proven within the interval', async (t) => {
    const { memory, pass } = memoryWithClock()
    t.equal(memory.hasFreshProof('user-a'), false)
    memory.rememberProof('user-a', 'KEY1', undefined)
    pass(VERIFY_INTERVAL_MS - 1)
    t.equal(memory.hasFreshProof('user-a'), true)
    t.equal(memory.hasFreshProof('user-b'), false)
    pass(1)
    t.equal(memory.hasFreshProof('user-a'), false)
  })
})

t.test('isBucketVerified', async (t) => {
  t.test('trusts a bucket for the interval and not longer', async (t) => {
    const { memory, pass } = memoryWithClock()
    t.equal(memory.isBucketVerified('bucket-a'), false)
    memory.rememberBucket('bucket-a')
    pass(VERIFY_INTERVAL_MS - 1)
    t.equal(memory.isBucketVerified('bucket-a'), true)
    t.equal(memory.isBucketVerified('bucket-b'), false)
    pass(1)
    t.equal(memory.isBucketVerified('bucket-a'), false)
  })
})

t.test('wasBucketVerified', async (t) => {
  t.test('remembers a bucket for good, until its profile goes', async (t) => {
    const { memory, pass } = memoryWithClock()
    t.equal(memory.wasBucketVerified('bucket-a'), false)
    memory.rememberBucket('bucket-a')
    pass(1000 * VERIFY_INTERVAL_MS)
    t.equal(memory.wasBucketVerified('bucket-a'), true)
    memory.forget('user-a', 'bucket-a')
    t.equal(memory.wasBucketVerified('bucket-a'), false)
  })
})

t.test('forget', async (t) => {
  t.test('drops the proof and the own bucket, and nothing of others', async (t) => {
    const { memory } = memoryWithClock()
    for (const user of ['user-a', 'user-b']) {
      memory.rememberProof(user, 'KEY1', 'uid-1')
      memory.rememberBucket(`bucket-of-${user}`)
    }
    memory.forget('user-a', 'bucket-of-user-a')
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), false)
    t.equal(memory.isBucketVerified('bucket-of-user-a'), false)
    t.equal(memory.isProven('user-b', 'KEY1', 'uid-1'), true)
    t.equal(memory.isBucketVerified('bucket-of-user-b'), true)
  })
})

t.test('quietMs', async (t) => {
  t.test('counts from the first call that found nothing', async (t) => {
    const { memory, pass } = memoryWithClock()
    t.equal(memory.quietMs('user-a', GOING, false), 0, 'the first call after a restart begins anew')
    pass(300)
    t.equal(memory.quietMs('user-a', GOING, false), 300)
    pass(200)
    t.equal(memory.quietMs('user-a', GOING, false), 500)
    t.equal(memory.quietMs('user-b', GOING, false), 0, 'each user has a count of its own')
  })

  t.test('begins anew when something was found', async (t) => {
    const { memory, pass } = memoryWithClock()
    t.equal(memory.quietMs('user-a', GOING, true), 0)
    pass(300)
    t.equal(memory.quietMs('user-a', GOING, false), 300)
    t.equal(memory.quietMs('user-a', GOING, true), 0)
    pass(100)
    t.equal(memory.quietMs('user-a', GOING, false), 100)
  })

  t.test('begins anew when the profile was let in again and goes once more', async (t) => {
    const { memory, pass } = memoryWithClock()
    memory.quietMs('user-a', GOING, false)
    pass(300)
    t.equal(memory.quietMs('user-a', 'version-2', false), 0, 'whoever let it in')
    pass(200)
    t.equal(memory.quietMs('user-a', 'version-2', false), 200)
  })

  t.test('begins anew after a long silence', async (t) => {
    const { memory, pass } = memoryWithClock()
    memory.quietMs('user-a', GOING, false)
    pass(TEN_MINUTES_MS)
    t.equal(
      memory.quietMs('user-a', GOING, false),
      TEN_MINUTES_MS,
      'ten minutes are no long silence'
    )
    pass(TEN_MINUTES_MS + 1)
    t.equal(memory.quietMs('user-a', GOING, false), 0)
  })

  t.test('begins anew when the profile was given storage in between', async (t) => {
    const { memory, pass } = memoryWithClock()
    memory.quietMs('user-a', GOING, false)
    pass(300)
    memory.rememberProof('user-a', 'KEY1', 'uid-1')
    pass(300)
    t.equal(memory.quietMs('user-a', GOING, false), 0)
  })
})

t.test('forgetDeparture', async (t) => {
  t.test('lets the next finalize of this user begin anew, and no other', async (t) => {
    const { memory, pass } = memoryWithClock()
    for (const user of ['user-a', 'user-b']) memory.quietMs(user, GOING, false)
    pass(300)
    t.equal(memory.quietMs('user-a', GOING, false), 300)
    memory.forgetDeparture('user-a')
    t.equal(memory.quietMs('user-a', GOING, false), 0)
    t.equal(memory.quietMs('user-b', GOING, false), 300)
    pass(200)
    t.equal(memory.quietMs('user-a', GOING, false), 200, 'and counts from there')
  })

  t.test('keeps what else is known of the user', async (t) => {
    const { memory } = memoryWithClock()
    memory.rememberProof('user-a', 'KEY1', 'uid-1')
    memory.rememberBucket('bucket-of-user-a')
    memory.forgetDeparture('user-a')
    t.equal(memory.isProven('user-a', 'KEY1', 'uid-1'), true)
    t.equal(memory.isBucketVerified('bucket-of-user-a'), true)
  })
})

t.test('what is known of a user beside its proof', async (t) => {
  const policy = { name: 'policy', document: { Version: '2012-10-17', Statement: [] } }

  t.test('who asked for it, and whether all of it must be looked at', async (t) => {
    const { memory } = memoryWithClock()
    t.equal(memory.policyClaimed('user-a'), undefined)
    memory.claim('user-a', policy)
    memory.suspect('user-a')
    t.equal(memory.policyClaimed('user-a'), policy)
    t.equal(memory.isSuspect('user-a'), true)
    t.equal(memory.isSuspect('user-b'), false)
    memory.clearSuspicion('user-a')
    t.equal(memory.isSuspect('user-a'), false)
  })

  t.test('for how long its Secret was not seen', async (t) => {
    const { memory, pass } = memoryWithClock()
    t.equal(memory.unseenMs('user-a'), 0)
    pass(300)
    t.equal(memory.unseenMs('user-a'), 300)
    memory.forgetUnseen('user-a')
    t.equal(memory.unseenMs('user-a'), 0)
  })

  t.test('is forgotten when it goes', async (t) => {
    const { memory, pass } = memoryWithClock()
    memory.claim('user-a', policy)
    memory.suspect('user-a')
    memory.unseenMs('user-a')
    pass(300)
    memory.forget('user-a', 'bucket-of-user-a')
    t.equal(memory.policyClaimed('user-a'), undefined)
    t.equal(memory.isSuspect('user-a'), false)
    t.equal(memory.unseenMs('user-a'), 0)
  })
})

t.test('policyVerified', async (t) => {
  const { memory, pass } = memoryWithClock()
  t.equal(memory.policyVerified('policy-1'), undefined)
  memory.rememberPolicy('policy-1', 'policy-1-2')
  pass(VERIFY_INTERVAL_MS - 1)
  t.equal(memory.policyVerified('policy-1'), 'policy-1-2', 'by the name that it has in the store')
  pass(1)
  t.equal(memory.policyVerified('policy-1'), undefined, 'for the interval and not longer')
})
