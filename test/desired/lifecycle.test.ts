import t from 'tap'
import {
  type LifecycleRule,
  mergedLifecycleRules,
  retentionRules
} from '../../src/desired/lifecycle.ts'

const OURS: LifecycleRule = {
  ID: 'kfp-artifact-retention',
  Status: 'Enabled',
  Filter: { Prefix: 'private-artifacts/' },
  Expiration: { Days: 30 }
}
const SYNC_PYS: LifecycleRule = {
  ID: 'private-artifacts',
  Status: 'Enabled',
  Filter: { Prefix: 'private-artifacts/' },
  Expiration: { Days: 7 }
}
const FOREIGN: LifecycleRule = { ID: 'tmp', Status: 'Enabled', Filter: { Prefix: 'tmp/' } }
const NAMELESS: LifecycleRule = { Status: 'Disabled', Expiration: { Days: 1 } }

t.test('retentionRules', async (t) => {
  t.test('expire all artifacts after the retention', async (t) => {
    t.strictSame(retentionRules({ days: 30 }), [OURS])
  })

  t.test('are none when artifacts are kept', async (t) => {
    t.strictSame(retentionRules('keep'), [])
  })
})

t.test('mergedLifecycleRules', async (t) => {
  const stale = { ...OURS, Expiration: { Days: 90 } }
  const merges: [what: string, live: LifecycleRule[], ours: LifecycleRule[], LifecycleRule[]][] = [
    ['adds ours to none', [], [OURS], [OURS]],
    ['keeps foreign rules', [FOREIGN, NAMELESS], [OURS], [FOREIGN, NAMELESS, OURS]],
    ['replaces ours by id', [stale, FOREIGN], [OURS], [FOREIGN, OURS]],
    ['drops sync.py’s', [SYNC_PYS, FOREIGN], [OURS], [FOREIGN, OURS]],
    ['takes ours away when artifacts are kept', [FOREIGN, stale, SYNC_PYS], [], [FOREIGN]],
    ['leaves none when only ours was there', [stale], [], []]
  ]
  for (const [what, live, ours, expected] of merges) {
    t.test(what, async (t) => {
      const merged = mergedLifecycleRules(live, ours)
      t.strictSame(merged, expected)
      t.strictSame(mergedLifecycleRules(merged, ours), merged, 'and settles at once')
    })
  }
})
