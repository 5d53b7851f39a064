import { CLEAN, FOUND } from './exit-codes.ts'
import type { Finding } from './finding.ts'
import { textOf } from './text.ts'

const WIDTH = 'warning'.length

/** A line for each check, and what to do about it. */
export function doctorText(findings: readonly Finding[]): string {
  const lines = findings.flatMap(({ check, verdict, evidence, remedy }) => [
    `${verdict.padEnd(WIDTH)}  ${check}: ${evidence}`,
    ...(remedy === '' ? [] : [`${' '.repeat(WIDTH)}  -> ${remedy}`])
  ])
  const count = (wanted: Finding['verdict']) =>
    findings.filter(({ verdict }) => verdict === wanted).length
  const [faults, doubts, unseen] = [count('failed'), count('warning'), count('skipped')]
  return textOf([...lines, '', `${faults} failed, ${doubts} warnings, ${unseen} skipped.`])
}

/** The findings for programs. */
export function doctorJson(findings: readonly Finding[]): string {
  return textOf(JSON.stringify({ findings }, null, 2).split('\n'))
}

export function exitCodeOfDoctor(findings: readonly Finding[]): number {
  return findings.some(({ verdict }) => verdict === 'failed') ? FOUND : CLEAN
}
