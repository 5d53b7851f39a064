import t from 'tap'
import { figureText, percentile } from '../../bench/figures.ts'
import { plotSvg } from '../../bench/plot.ts'
import { isMet, type Row, ratioOf } from '../../bench/results.ts'
import { tableText } from '../../bench/table.ts'

const row: Row = {
  work: 'onboard 200',
  unit: 's',
  ours: 0.5,
  rival: { name: 'sync.py', figure: 58.1234 },
  target: { ratio: 1 / 100 }
}

t.test('a percentile is a value that was measured', async (t) => {
  t.equal(percentile([3, 1, 2], 0.5), 2)
  t.equal(percentile([1, 2, 3, 4], 0.99), 4)
  t.equal(percentile([7], 0.01), 7)
})

t.test('a figure has three digits and no power of ten', async (t) => {
  t.same([0.012345, 1.005, 58.1234, 1234.5].map(figureText), ['0.012', '1', '58.1', '1,235'])
})

t.test('a target is met by the ratio or by the figure alone', async (t) => {
  t.equal(isMet(row), true)
  t.equal(isMet({ ...row, ours: 0.6 }), false)
  t.equal(isMet({ ...row, ours: 10, target: { figure: 10 } }), true)
})

t.test('what was not measured meets nothing and has no ratio', async (t) => {
  const skipped = { ...row, rival: { name: 'sync.py', figure: { skipped: 'no copy' } } }
  t.equal(ratioOf(skipped), undefined)
  t.equal(isMet(skipped), undefined)
})

t.test('the table has a line for each row, and says what was skipped and why', async (t) => {
  const skipped = { ...row, ours: { skipped: 'no Docker engine' } }
  const results = {
    benchmark: 'onboard',
    measuredAt: '2026-11-23',
    machine: '2 cores',
    withheld: 0.126,
    rows: [row, skipped]
  }
  t.same(tableText([results]).split('\n').slice(2), [
    '| onboard 200 | 0.5 s | sync.py: 58.1 s | 0.0086x | <= 0.01x | met |  |',
    '| onboard 200 | skipped: no Docker engine | sync.py: 58.1 s |  | <= 0.01x | not measured |  |',
    '',
    'Measured on 2026-11-23: 2 cores. Of its processor others had meanwhile: onboard 13 %.'
  ])
})

t.test('the plot draws ten times as much one step higher, and names each curve', async (t) => {
  const points = [
    [10, 1],
    [100, 10],
    [1000, 100]
  ] as const
  const svg = plotSvg('growth', [{ name: 'filer', points }])
  const [, path = ''] = /<polyline points="([^"]+)"/.exec(svg) ?? []
  const [a = [], b = [], c = []] = path.split(' ').map((point) => point.split(',').map(Number))
  const step = (from: number[], to: number[]) => Math.round(Number(from[1]) - Number(to[1]))
  t.equal(step(a, b), step(b, c))
  t.ok(step(a, b) > 0)
  t.match(svg, '>filer</text>')
  t.match(svg, 'prefers-color-scheme:dark')
})

t.test('names of curves that end together stand one above the other', async (t) => {
  const curve = (name: string, ms: number) => ({ name, points: [[100, ms]] as const })
  const svg = plotSvg('growth', [curve('a', 100), curve('b', 101), curve('c', 1)])
  const heights = ['a', 'b', 'c'].map((name) =>
    Number(new RegExp(`y="([0-9.]+)" text-anchor="start">${name}<`).exec(svg)?.[1])
  )
  const [a = 0, b = 0, c = 0] = heights
  t.ok(b < a && a - b >= 15.9, `${heights}`)
  t.ok(c - a > 50, 'and another stays where its curve ends')
})
