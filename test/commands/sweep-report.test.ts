import t from 'tap'
import type { SweepPlan } from '../../src/commands/sweep.ts'
import {
  adviceText,
  exitCodeOfOutcome,
  exitCodeOfPlan,
  outcomeText,
  planText
} from '../../src/commands/sweep-report.ts'
import { livingFrom } from '../../src/desired/living.ts'
import type { Orphan } from '../../src/desired/orphans.ts'
import { config } from '../fixtures/builders.ts'

function orphan(overrides: Partial<Orphan> = {}): Orphan {
  const name = 'profile-team-a-0123abcd'
  const about = { kind: 'user', name, namespace: 'team-a', livesAgain: false } as const
  return { ...about, step: 'disable', why: 'has 1 active key', ...overrides }
}

function plan(orphans: Orphan[], most: SweepPlan['most'] = []): SweepPlan {
  const settings = config().profile
  const rules = { living: livingFrom([], settings), settings, deletesData: false, now: 0 }
  return { endpoint: 'http://store:8333', layout: 'per-profile', orphans, most, rules }
}

const OF_ALL = orphan({
  kind: 'policy',
  name: 'profile-own-bucket-0123abcd',
  namespace: undefined,
  step: 'delete',
  why: 'is an earlier version'
})
const KEPT = orphan({ kind: 'bucket', step: 'keep', why: '3 objects; only --data deletes it' })
const WAITING = orphan({ kind: 'bucket', step: 'wait', why: 'no objects; is less than a day old' })
const OF_ANOTHER = orphan({
  name: 'profile-team-b-0123abcd',
  namespace: 'team-b',
  livesAgain: true,
  step: 'report',
  why: 'has no key\u001b[2J'
})

t.test('the plan is told by profile, a line each', async (t) => {
  t.equal(
    planText(plan([OF_ALL, orphan(), KEPT, OF_ANOTHER])),
    `Left behind at http://store:8333, per-profile layout:

of all profiles
  policy  profile-own-bucket-0123abcd  delete   is an earlier version

team-a, which is gone
  user    profile-team-a-0123abcd      disable  has 1 active key
  bucket  profile-team-a-0123abcd      keep     3 objects; only --data deletes it

team-b, an earlier life of it
  user    profile-team-b-0123abcd      report   has no key\\u001b[2J

1 to disable, 1 to delete, 1 kept, 1 left alone, because it may not be ours.
`
  )
  t.equal(planText(plan([])), 'Left behind at http://store:8333, per-profile layout: nothing\n')
  t.match(planText(plan([WAITING])), /\n\n1 for a later run\.\n$/)
})

t.test('what to do about it', async (t) => {
  t.equal(adviceText(plan([])), '')
  t.equal(adviceText(plan([KEPT, OF_ANOTHER, WAITING])), '', 'nothing is due')
  t.equal(adviceText(plan([orphan()])), 'Nothing was done. --apply does it.\n')
  t.match(
    adviceText(plan([OF_ALL], ['users', 'buckets'])),
    /does it\.\nAt least half of the users and buckets of ours would go\. .* --even-most\.\n$/
  )
})

t.test('what was done', async (t) => {
  const refused = { orphan: OF_ALL, refusal: 'a user has it' }
  const done = (orphan: Orphan) => ({ orphan, refusal: undefined })
  t.equal(
    outcomeText(plan([]), [done(orphan()), refused]),
    `Left: policy profile-own-bucket-0123abcd: a user has it
Disabled 1, deleted 0, left 1.
When nobody misses what is disabled, run it again with a fresh list.
`
  )
  t.equal(outcomeText(plan([KEPT]), [done(OF_ALL)]), 'Disabled 0, deleted 1, left 0.\n')
  t.match(outcomeText(plan([WAITING]), []), /\nWhen nobody misses/)

  const codes: [what: string, plan: SweepPlan, outcomes: ReturnType<typeof done>[], number][] = [
    ['nothing to do', plan([]), [], 0],
    ['deleted', plan([OF_ALL]), [done(OF_ALL)], 0],
    ['kept', plan([KEPT, OF_ANOTHER]), [], 0],
    ['disabled', plan([orphan()]), [done(orphan())], 1],
    ['refused', plan([OF_ALL]), [refused as never], 1],
    ['waiting', plan([WAITING]), [], 1]
  ]
  for (const [what, plan, outcomes, code] of codes) {
    t.equal(exitCodeOfOutcome(plan, outcomes), code, what)
  }
})

t.test('a plan with something to do is found', async (t) => {
  for (const [found, code] of [
    [[], 0],
    [[KEPT, OF_ANOTHER], 0],
    [[orphan()], 1],
    [[OF_ALL], 1],
    [[WAITING], 1]
  ] as const) {
    t.equal(exitCodeOfPlan(plan([...found])), code)
  }
})
