import { figureText } from './figures.ts'
import type { Curve } from './results.ts'

const [WIDTH, HEIGHT] = [760, 400]
const FRAME = { left: 64, right: 100, top: 40, bottom: 52 }
const LABEL_HEIGHT = 16
/** Told apart in light and in dark, and by those who see few colours. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73']
/** What GitHub writes with, on a light and on a dark page. */
const STYLE = `text{font:13px system-ui,sans-serif;fill:#1f2328}
.grid{stroke:#8c959f;stroke-opacity:.35}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}}`

/** Curves on two logarithmic axes, so that what grows with the square is a line twice as steep. */
export function plotSvg(title: string, curves: readonly Curve[]): string {
  const points = curves.flatMap((curve) => curve.points)
  const x = logarithmic(
    points.map(([profiles]) => profiles),
    [FRAME.left, WIDTH - FRAME.right]
  )
  const y = logarithmic(
    points.map(([, ms]) => ms),
    [HEIGHT - FRAME.bottom, FRAME.top]
  )
  const [left, right] = [FRAME.left, WIDTH - FRAME.right]
  const [top, bottom] = [FRAME.top, HEIGHT - FRAME.bottom]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}</style>`,
    text(left, 22, title, 'start'),
    ...x.ticks.flatMap((tick) => [
      line(x.at(tick), top, x.at(tick), bottom),
      text(x.at(tick), bottom + 20, figureText(tick), 'middle')
    ]),
    ...y.ticks.flatMap((tick) => [
      line(left, y.at(tick), right, y.at(tick)),
      text(left - 8, y.at(tick) + 4, figureText(tick), 'end')
    ]),
    text((left + right) / 2, HEIGHT - 10, 'profiles', 'middle'),
    ...curves.map(({ points }, index) => {
      const colour = COLOURS[index % COLOURS.length] as string
      const path = points.map(([profiles, ms]) => `${round(x.at(profiles))},${round(y.at(ms))}`)
      return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2.5"/>`
    }),
    ...apart(
      curves.map(({ name, points }) => {
        const [profiles = 1, ms = 1] = points.at(-1) ?? []
        return { name, x: x.at(profiles) + 8, y: y.at(ms) + 4 }
      })
    ).map((label) => text(label.x, label.y, label.name, 'start')),
    '</svg>',
    ''
  ].join('\n')
}

interface Label {
  readonly name: string
  readonly x: number
  readonly y: number
}

/** From the top on, none over another. */
function apart(labels: readonly Label[]): Label[] {
  const placed: Label[] = []
  for (const label of [...labels].sort((a, b) => a.y - b.y)) {
    const above = placed.at(-1)?.y ?? Number.NEGATIVE_INFINITY
    placed.push({ ...label, y: Math.max(label.y, above + LABEL_HEIGHT) })
  }
  return placed
}

/** From one power of ten to another. */
function logarithmic(values: readonly number[], [start, end]: readonly [number, number]) {
  const first = Math.floor(Math.log10(Math.min(...values)))
  const last = Math.max(first + 1, Math.ceil(Math.log10(Math.max(...values))))
  return {
    ticks: Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index)),
    at: (value: number) => start + ((Math.log10(value) - first) / (last - first)) * (end - start)
  }
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  const [a, b, c, d] = [x1, y1, x2, y2].map(round)
  return `<line class="grid" x1="${a}" y1="${b}" x2="${c}" y2="${d}"/>`
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${words}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
