import t from 'tap'
import type { VerifyReport } from '../../src/commands/verify.ts'
import { exitCodeOf, isClean, reportJson, reportText } from '../../src/commands/verify-report.ts'
import type { CaseResult } from '../../src/matrix/case-result.ts'

const OK: CaseResult = {
  kind: 'attack',
  group: 'their objects',
  name: 'GET /{their.bucket}',
  verdict: 'ok',
  evidence: ''
}
const HOLE: CaseResult = { ...OK, verdict: 'hole', evidence: 'it gave away its tag (HTTP 200)' }
const BROKEN: CaseResult = {
  kind: 'legitimate',
  group: 'legitimate',
  name: 'put an object (KFP launcher)',
  verdict: 'broken',
  evidence: 'PUT was answered with HTTP 403 AccessDenied'
}
const UNSURE: CaseResult = { ...OK, verdict: 'inconclusive', evidence: 'socket hang up' }
const DOOR = {
  check: 'filer at http://f:8888',
  verdict: 'ok',
  evidence: 'quiet',
  remedy: ''
} as const
const OPEN_DOOR = { ...DOOR, verdict: 'hole', evidence: 'open', remedy: 'close it' } as const

function report(results: readonly CaseResult[], rest: Partial<VerifyReport> = {}): VerifyReport {
  return {
    endpoint: 'http://store:8333',
    layout: 'shared',
    storeVersion: '4.48',
    pairs: [{ own: 'team-a', their: 'team-b', seconds: 1.26, results }],
    surroundings: [DOOR],
    warnings: [],
    ...rest
  }
}

t.test('a report is clean, and the exit code 0, when nothing was found', async (t) => {
  const reports: [report: VerifyReport, code: number][] = [
    [report([OK, OK]), 0],
    [report([OK], { warnings: ['a note'] }), 0],
    [report([OK, HOLE]), 1],
    [report([OK, BROKEN]), 1],
    [report([OK, UNSURE]), 1],
    [report([OK], { surroundings: [DOOR, OPEN_DOOR] }), 1]
  ]
  for (const [given, code] of reports) {
    t.equal(isClean(given), code === 0)
    t.equal(exitCodeOf(given), code)
  }
})

t.test('a clean report in full', async (t) => {
  t.equal(
    reportText(report([OK, OK, { ...OK, group: 'listings' }], { warnings: ['a note: mend it'] })),
    `SeaweedFS 4.48 at http://store:8333, shared layout

profile  against  cases  holes  broken  seconds
team-a   team-b   3      0      0       1.3

cases          run  holes  broken  inconclusive
their objects  2    0      0       0
listings       1    0      0       0

ok    filer at http://f:8888: quiet
note  a note: mend it

Isolated: nothing was found.
`
  )
})

t.test('what was found follows, with its remedy', async (t) => {
  const text = reportText(
    report([BROKEN, HOLE, OK, UNSURE], { storeVersion: undefined, surroundings: [OPEN_DOOR] })
  )
  t.match(text, 'SeaweedFS of unknown version at')
  t.match(text, 'HOLE  filer at http://f:8888: open\n      -> close it\n')
  t.match(
    text,
    `BROKEN: legitimate (1)\n  ${BROKEN.name}: ${BROKEN.evidence}\n  -> look for a Deny`
  )
  t.match(
    text,
    `HOLE: their objects (1)\n  ${HOLE.name}: ${HOLE.evidence}\n  -> compare the policies`
  )
  t.match(text, 'INCONCLUSIVE: their objects (1)')
  t.match(text, /\nNOT isolated: 2 holes, 1 broken, 1 inconclusive\.\n$/)
})

t.test('the same between several pairs is told once', async (t) => {
  const pair = { own: 'team-a', their: 'team-b', seconds: 1, results: [HOLE] }
  const text = reportText(report([], { pairs: [pair, { ...pair, own: 'team-b' }] }))
  t.match(text, 'HOLE: their objects (2)')
  t.equal(text.split(HOLE.evidence).length - 1, 1)
})

t.test('of many holes of one kind five are told', async (t) => {
  const many = (count: number) =>
    reportText(report(Array.from({ length: count }, (_, at) => ({ ...HOLE, name: `GET /${at}.` }))))
  t.match(many(6), /GET \/4\.: .*\n {2}and 1 more; --json tells them all\n {2}->/)
  t.notMatch(many(6), 'GET /5.')
  t.notMatch(many(5), 'more;')
})

t.test('the last line tells holes from what only failed', async (t) => {
  const lines: [results: CaseResult[], last: string][] = [
    [[OK], 'Isolated: nothing was found.'],
    [[OK, HOLE], 'NOT isolated: 1 hole, 0 broken, 0 inconclusive.'],
    [[HOLE, HOLE, BROKEN], 'NOT isolated: 2 holes, 1 broken, 0 inconclusive.'],
    [
      [UNSURE, BROKEN],
      'No hole was found, but not everything is as it should be: 1 broken, 1 inconclusive.'
    ]
  ]
  for (const [results, last] of lines) {
    t.equal(reportText(report(results)).trim().split('\n').at(-1), last)
  }
})

t.test('names that profiles choose cannot write over the report', async (t) => {
  const name = 'private-artifacts/b/\u001b[2J\nIsolated: nothing was found.\u009b\u202e'
  const given = report([{ ...HOLE, evidence: `it gave away that there is a key ${name}` }])
  const text = reportText(given)
  t.match(text, 'private-artifacts/b/\\u001b[2J\\u000aIsolated: nothing was found.\\u009b\\u202e')
  t.notMatch(text, /^Isolated/m)
  const json = reportJson(given)
  t.notMatch(json, /(?!\n)[\p{Cc}\p{Cf}]/u)
  t.strictSame(JSON.parse(json), JSON.parse(JSON.stringify(given)))
})
