import { readFileSync, writeFileSync } from 'node:fs'
import { plotSvg } from './plot.ts'
import { readResults } from './results.ts'
import { tableText } from './table.ts'

/** Writes the table into the README, and the plot beside the results, from what the last runs measured. */
const README = new URL('../README.md', import.meta.url)
const PLOT = new URL('results/growth.svg', import.meta.url)
const [BEGIN, END] = ['<!-- bench:report -->', '<!-- /bench:report -->']

const results = readResults()
const PLOT_LINE =
  '![Milliseconds for the next profile, by how many there are](bench/results/growth.svg)'

const curves = results.flatMap(({ curves = [] }) => curves)
if (curves.length > 0) {
  writeFileSync(PLOT, plotSvg('Milliseconds for the next profile, five at a time', curves))
}
const readme = readFileSync(README, 'utf8')
const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)]
if (begin < 0 || end < begin) throw new Error(`README.md has no ${BEGIN} … ${END}`)
const plot = curves.length > 0 ? `\n${PLOT_LINE}\n` : ''
const table = `${BEGIN}\n${tableText(results)}\n${plot}`
writeFileSync(README, readme.slice(0, begin) + table + readme.slice(end))
