import type { CaseResult } from '../matrix/case-result.ts'
import { remedyFor } from '../matrix/remedies.ts'
import { CLEAN, FOUND } from './exit-codes.ts'
import { table, textOf } from './text.ts'
import type { VerifyReport } from './verify.ts'

/** How many holes of one kind are told one by one; a broken policy opens hundreds. */
const TOLD_HOLES = 5

/** Whether nothing was found: no hole, and everything legitimate works. */
export function isClean({ pairs, surroundings }: VerifyReport): boolean {
  return (
    pairs.every(({ results }) => results.every(({ verdict }) => verdict === 'ok')) &&
    surroundings.every(({ verdict }) => verdict === 'ok')
  )
}

export function exitCodeOf(report: VerifyReport): number {
  return isClean(report) ? CLEAN : FOUND
}

/** The report for people: a line per kind of case, what was found, and what to do about it. */
export function reportText(report: VerifyReport): string {
  const { endpoint, layout, storeVersion = 'of unknown version', pairs, surroundings } = report
  const results = pairs.flatMap((pair) => pair.results)
  const lines = [
    `SeaweedFS ${storeVersion} at ${endpoint}, ${layout} layout`,
    '',
    ...table([
      ['profile', 'against', 'cases', 'holes', 'broken', 'seconds'],
      ...pairs.map((pair) => [
        pair.own,
        pair.their,
        String(pair.results.length),
        count(pair.results, 'hole'),
        count(pair.results, 'broken'),
        pair.seconds.toFixed(1)
      ])
    ]),
    '',
    ...table([
      ['cases', 'run', 'holes', 'broken', 'inconclusive'],
      ...[...Map.groupBy(results, ({ group }) => group)].map(([group, inGroup]) => [
        group,
        String(inGroup.length),
        count(inGroup, 'hole'),
        count(inGroup, 'broken'),
        count(inGroup, 'inconclusive')
      ])
    ]),
    '',
    ...surroundings.flatMap(({ check, verdict, evidence, remedy }) => [
      `${verdict === 'ok' ? 'ok  ' : 'HOLE'}  ${check}: ${evidence}`,
      ...(remedy === '' ? [] : [`      -> ${remedy}`])
    ]),
    ...report.warnings.map((warning) => `note  ${warning}`),
    ...findings(results)
  ]
  return textOf([...lines, '', conclusion(report)])
}

/** The report for programs. */
export function reportJson(report: VerifyReport): string {
  return textOf(JSON.stringify(report, null, 2).split('\n'))
}

function findings(results: readonly CaseResult[]): string[] {
  const found = results.filter(({ verdict }) => verdict !== 'ok')
  return [...Map.groupBy(found, ({ group, verdict }) => `${verdict} ${group}`)].flatMap(
    ([, alike]) => {
      const [{ verdict, group }] = alike as [CaseResult]
      // The same between several pairs is one thing to mend.
      const sentences = [...new Set(alike.map(({ name, evidence }) => `  ${name}: ${evidence}`))]
      const told = sentences.slice(0, TOLD_HOLES)
      const more = sentences.length - told.length
      return [
        '',
        `${verdict.toUpperCase()}: ${group} (${alike.length})`,
        ...told,
        ...(more > 0 ? [`  and ${more} more; --json tells them all`] : []),
        `  -> ${remedyFor(group, verdict)}`
      ]
    }
  )
}

function conclusion(report: VerifyReport): string {
  if (isClean(report)) return 'Isolated: nothing was found.'
  const results = report.pairs.flatMap((pair) => pair.results)
  const holes =
    results.filter(({ verdict }) => verdict === 'hole').length +
    report.surroundings.filter(({ verdict }) => verdict === 'hole').length
  const broken = results.filter(({ verdict }) => verdict === 'broken').length
  const inconclusive = results.filter(({ verdict }) => verdict === 'inconclusive').length
  const counts = `${broken} broken, ${inconclusive} inconclusive.`
  if (holes === 0) return `No hole was found, but not everything is as it should be: ${counts}`
  return `NOT isolated: ${holes} ${holes === 1 ? 'hole' : 'holes'}, ${counts}`
}

function count(results: readonly CaseResult[], wanted: CaseResult['verdict']): string {
  return String(results.filter(({ verdict }) => verdict === wanted).length)
}
