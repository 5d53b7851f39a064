import fc from 'fast-check'
import t from 'tap'
import {
  issuedAtFrom,
  REVOKE_ANNOTATION,
  ROTATE_ANNOTATION,
  retirementFor,
  rotationFor,
  type StoredKey
} from '../../src/desired/rotation.ts'

/** 2027-01-15T08:00:00Z */
const NOW = 1_800_000_000
const DAY = 86_400
const USER = { user: 'profile-team-a-7f0f8c1c', replacedUser: undefined }
const NOTHING = { rotateAt: undefined, revokeBefore: undefined, createdAt: undefined }
const NEVER = { rotationSeconds: 0, graceSeconds: 7 * DAY }
const MONTHLY = { rotationSeconds: 30 * DAY, graceSeconds: 7 * DAY }

function rotation(
  annotations: { rotateAt?: string; revokeBefore?: string } = {},
  settings = NEVER,
  now = NOW
) {
  const { rotateAt, revokeBefore } = annotations
  return rotationFor({ ...NOTHING, rotateAt, revokeBefore }, USER, settings, false, now)
}

t.test('rotationFor', async (t) => {
  const PAST = '2027-01-15T07:00:00Z'
  const FUTURE = '2027-01-15T09:00:00Z'
  const HOUR = 3600
  const table: [what: string, annotations: object, expected: object][] = [
    ['asks for nothing by itself', {}, { epoch: 0, revokedBefore: 0, nextAt: undefined }],
    [
      'asks for a key of the annotated time',
      { rotateAt: PAST },
      { epoch: NOW - HOUR, revokedBefore: 0, nextAt: undefined }
    ],
    [
      'waits for a time to come',
      { rotateAt: FUTURE },
      { epoch: 0, revokedBefore: 0, nextAt: NOW + HOUR }
    ],
    [
      'revokes without grace',
      { revokeBefore: PAST },
      { epoch: NOW - HOUR, revokedBefore: NOW - HOUR, nextAt: undefined }
    ],
    [
      'revokes nothing before the time has come',
      { revokeBefore: FUTURE },
      { epoch: 0, revokedBefore: 0, nextAt: NOW + HOUR }
    ],
    [
      'takes the latest of what has come',
      { rotateAt: '2027-01-15T07:30:00+00:00', revokeBefore: PAST },
      { epoch: NOW - HOUR / 2, revokedBefore: NOW - HOUR, nextAt: undefined }
    ],
    [
      'understands offsets and fractions',
      { rotateAt: '2027-01-15T08:00:00.999+01:00' },
      { epoch: NOW - HOUR, revokedBefore: 0, nextAt: undefined }
    ],
    [
      'takes effect in its very second',
      { rotateAt: '2027-01-15T08:00:00Z' },
      { epoch: NOW, revokedBefore: 0, nextAt: undefined }
    ]
  ]
  for (const [what, annotations, expected] of table) {
    t.test(what, async (t) => {
      t.match(rotation(annotations), expected)
    })
  }

  for (const text of [
    '',
    'now',
    '2027-01-15',
    '1800000000',
    '2027-13-01T00:00:00Z',
    '0'.repeat(999)
  ]) {
    t.test(`refuses ${JSON.stringify(text.slice(0, 20))} and names the annotation`, async (t) => {
      const refused = { code: 'S3P_INVALID_PROFILE', statusCode: 422 }
      t.throws(() => rotation({ rotateAt: text }), { ...refused, message: ROTATE_ANNOTATION })
      t.throws(() => rotation({ revokeBefore: text }), { ...refused, message: REVOKE_ANNOTATION })
    })
  }

  t.test('by age the last boundary is asked for, and the next one announced', async () => {
    fc.assert(
      fc.property(fc.integer({ min: NOW, max: NOW * 2 }), fc.string(), (now, user) => {
        const plan = { ...USER, user }
        const { epoch, nextAt } = rotationFor(NOTHING, plan, MONTHLY, false, now)
        const later = rotationFor(NOTHING, plan, MONTHLY, false, nextAt as number)
        return (
          epoch <= now &&
          epoch > now - 30 * DAY &&
          nextAt === epoch + 30 * DAY &&
          later.epoch === nextAt
        )
      })
    )
  })

  t.test('by age nothing is asked while the profile is settling', async (t) => {
    const asked = rotationFor(NOTHING, USER, MONTHLY, true, NOW)
    t.match(asked, { epoch: 0, revokedBefore: 0, nextAt: undefined })
    const annotated = { ...NOTHING, rotateAt: PAST, revokeBefore: FUTURE }
    const both = rotationFor(annotated, USER, MONTHLY, true, NOW)
    t.match(both, { epoch: NOW - HOUR, nextAt: NOW + HOUR }, 'but by annotation')
  })

  t.test(
    'a profile that adopted an earlier name gets no key from before its own time',
    async (t) => {
      const adopting = { ...USER, replacedUser: 'profile-team-a-01234567' }
      const born = { ...NOTHING, createdAt: PAST }
      const asked = rotationFor(born, adopting, NEVER, false, NOW - 2 * HOUR)
      t.match(asked, { epoch: NOW - HOUR, bornAt: NOW - HOUR }, 'even where the clock is behind')
      t.match(rotationFor(born, USER, NEVER, false, NOW), { epoch: 0, bornAt: 0 })
      t.match(rotationFor(NOTHING, adopting, NEVER, false, NOW), { epoch: 0, bornAt: 0 })
    }
  )

  t.test('profiles have boundaries of their own', async (t) => {
    const epochs = Array.from(
      { length: 50 },
      (_, index) =>
        rotationFor(NOTHING, { ...USER, user: `user-${index}` }, MONTHLY, false, NOW).epoch
    )
    t.equal(new Set(epochs).size, 50)
  })
})

t.test('retirementFor', async (t) => {
  const key = (rank: number | undefined, isActive = true): StoredKey => ({
    accessKeyId: `KEY${rank ?? 'FOREIGN'}`,
    isActive,
    standing: rank === undefined ? undefined : { rank, epoch: rank }
  })
  const nothingRevoked = { ...rotation(), revokedBefore: 0 }
  const retire = (others: StoredKey[], issuedAt: number, revokedBefore = 0) =>
    retirementFor(others, issuedAt, { ...nothingRevoked, revokedBefore }, NEVER, NOW)
  const end = (issuedAt: number) => issuedAt + NEVER.graceSeconds

  const table: [what: string, seen: object, expected: object][] = [
    ['has nothing to do for a single key', retire([], NOW), { disable: [], remove: [] }],
    [
      'leaves the predecessor its grace',
      retire([key(1)], NOW),
      { disable: [], remove: [], dueAt: end(NOW), keptUntil: end(NOW) }
    ],
    [
      'leaves it to the last second',
      retire([key(1)], NOW - NEVER.graceSeconds + 1),
      { disable: [], remove: [], dueAt: NOW + 1, keptUntil: NOW + 1 }
    ],
    [
      'disables it when the grace is over',
      retire([key(1)], NOW - NEVER.graceSeconds),
      { disable: ['KEY1'], remove: [], dueAt: NOW }
    ],
    ['removes what is disabled', retire([key(1, false)], NOW), { disable: [], remove: ['KEY1'] }],
    [
      'keeps only the newest predecessor',
      retire([key(1), key(3), key(2)], NOW),
      { disable: ['KEY1', 'KEY2'], remove: [], dueAt: NOW, keptUntil: end(NOW) }
    ],
    [
      'gives no grace to a key that is not ours',
      retire([key(undefined), key(1)], NOW),
      { disable: ['KEYFOREIGN'], remove: [], dueAt: NOW, keptUntil: end(NOW) }
    ],
    [
      'gives no grace to what was revoked',
      retire([key(5)], NOW, 6),
      { disable: ['KEY5'], remove: [], dueAt: NOW }
    ],
    [
      'gives grace to what was issued since',
      retire([key(6)], NOW, 6),
      { disable: [], remove: [], dueAt: end(NOW), keptUntil: end(NOW) }
    ]
  ]
  for (const [what, seen, expected] of table) {
    t.test(what, async (t) => {
      t.strictSame(seen, { dueAt: undefined, keptUntil: undefined, ...expected })
    })
  }
})

t.test('issuedAtFrom', async (t) => {
  const GRACE = NEVER.graceSeconds
  const EPOCH = NOW - DAY
  const at = (seconds: number) => new Date(seconds * 1000).toISOString()
  const table: [what: string, text: string | undefined, epoch: number, expected: number][] = [
    ['takes a time that has been', at(NOW - DAY), EPOCH, NOW - DAY],
    ['takes one before the epoch: it only ends the grace sooner', at(0), EPOCH, 0],
    ['takes one a little ahead, of a replica whose clock is', at(NOW + 60), EPOCH, NOW + 60],
    ['takes one that is ahead by a grace', at(NOW + GRACE), EPOCH, NOW + GRACE],
    ['takes one further ahead for now', at(NOW + GRACE + 1), EPOCH, NOW],
    ['takes one that fits the epoch, after a clock has jumped back', at(NOW), NOW, NOW],
    ['takes none for now', undefined, EPOCH, NOW],
    ['takes an empty one for now', '', EPOCH, NOW],
    ['takes what is no time for now', 'soon', EPOCH, NOW],
    ['takes a number for now', '0', EPOCH, NOW],
    ['takes a day that does not exist for now', '2026-13-01T00:00:00Z', EPOCH, NOW],
    ['takes what was before 1970 for now', '1969-12-31T23:59:59Z', EPOCH, NOW]
  ]
  for (const [what, text, epoch, expected] of table) {
    t.test(what, async (t) => {
      t.equal(issuedAtFrom(text, epoch, NEVER, NOW), expected)
    })
  }
  t.test('believes the key’s own epoch more than a clock far behind', async (t) => {
    t.equal(issuedAtFrom(at(NOW), NOW, NEVER, 0), NOW)
    t.equal(issuedAtFrom(at(NOW), 0, NEVER, 0), 0)
  })
})
