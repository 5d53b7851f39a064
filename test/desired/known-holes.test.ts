import t from 'tap'
import { knownHoles, otherWriterHole } from '../../src/desired/known-holes.ts'

const UNKNOWN = /does not say its version/
const UNPROVEN = /not proven on SeaweedFS/
const MARKERS = /List markers/
const BROWSING = /Browsing the top level/

type Layout = 'per-profile' | 'shared'

t.test('knownHoles', async (t) => {
  const table: [version: string | undefined, Layout, browse: boolean, holes: RegExp[]][] = [
    ['4.48', 'per-profile', false, []],
    ['4.48', 'shared', false, []],
    ['4.48', 'shared', true, [BROWSING]],
    ['4.100', 'shared', false, []],
    ['5.0', 'shared', false, []],
    ['4.47', 'per-profile', false, []],
    ['4.47', 'shared', false, [MARKERS]],
    ['4.34', 'per-profile', false, []],
    ['4.34', 'shared', true, [MARKERS, BROWSING]],
    ['4.33', 'per-profile', false, [UNPROVEN]],
    ['4.5', 'per-profile', false, [UNPROVEN]],
    ['3.97', 'shared', false, [UNPROVEN, MARKERS]],
    [undefined, 'per-profile', false, [UNKNOWN]],
    [undefined, 'shared', true, [UNKNOWN, BROWSING]]
  ]
  for (const [version, layout, topLevelBrowse, expected] of table) {
    t.test(`SeaweedFS ${version}, ${layout}, browsing ${topLevelBrowse}`, async (t) => {
      const holes = knownHoles(version, { layout, topLevelBrowse })
      t.equal(holes.length, expected.length)
      for (const [index, name] of expected.entries()) t.match(holes[index]?.name, name)
      for (const { remedy } of holes) t.match(remedy, /SeaweedFS 4\.48 or newer|TOP_LEVEL_BROWSE/)
    })
  }
})

t.test('otherWriterHole', async (t) => {
  t.match(otherWriterHole('http://seaweedfs:8333'), {
    name: /written over HTTP at http:\/\/seaweedfs:8333, /,
    remedy: /-iam=false/
  })
  t.match(otherWriterHole('http://seaweedfs:8111').remedy, /stop that IAM server/)
})
