import {
  type Row,
  ratioOf,
  ratioText,
  type StoredResults,
  targetText,
  verdictText,
  withUnit
} from './results.ts'

/** Every measured row as a table of Markdown, and under it on what each was measured. */
export function tableText(results: readonly StoredResults[]): string {
  const head = ['Work', 'Ours', 'Beside', 'Ratio', 'Target', '', 'Note']
  const rows = results.flatMap((result) => result.rows.map(cellsOf))
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  return [...lines, '', ...machinesOf(results)].join('\n')
}

function cellsOf(row: Row): string[] {
  const { work, unit, ours, rival, target, note = '' } = row
  const ratio = ratioOf(row)
  return [
    work,
    withUnit(ours, unit),
    rival ? `${rival.name}: ${withUnit(rival.figure, unit)}` : '',
    ratio === undefined ? '' : ratioText(ratio),
    target ? targetText(target, unit) : '',
    target ? verdictText(row) : '',
    note
  ]
}

function machinesOf(results: readonly StoredResults[]): string[] {
  const machines = Map.groupBy(
    results,
    ({ machine, measuredAt }) => `Measured on ${measuredAt}: ${machine}`
  )
  return [...machines].map(
    ([where, measured]) =>
      `${where}. Of its processor others had meanwhile: ${measured.map(withheldOf).join(', ')}.`
  )
}

/** Nobody gets a machine of the cloud for himself: a figure that is not a ratio suffers from it. */
function withheldOf({ benchmark, withheld = 0 }: StoredResults): string {
  return `${benchmark} ${Math.round(withheld * 100)} %`
}
