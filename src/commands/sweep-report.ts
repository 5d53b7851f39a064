import { isDue, type Orphan, type Step } from '../desired/orphans.ts'
import type { Outcome } from './apply-sweep.ts'
import { CLEAN, FOUND } from './exit-codes.ts'
import type { SweepPlan } from './sweep.ts'
import { table, textOf } from './text.ts'

const WORDS: readonly (readonly [step: Step, words: string])[] = [
  ['disable', 'to disable'],
  ['delete', 'to delete'],
  ['wait', 'for a later run'],
  ['keep', 'kept'],
  ['report', 'left alone, because it may not be ours']
]

/** What is left behind, by profile, a line each: what it is, what becomes of it, and why. */
export function planText({ endpoint, layout, orphans }: SweepPlan): string {
  const head = `Left behind at ${endpoint}, ${layout} layout:`
  if (orphans.length === 0) return textOf([`${head} nothing`])
  const rows = table(orphans.map(({ kind, name, step, why }) => [`  ${kind}`, name, step, why]))
  const groups = Map.groupBy(
    orphans.map((orphan, index) => ({ orphan, row: rows[index] as string })),
    ({ orphan }) => headingFor(orphan)
  )
  const lines = [...groups].flatMap(([heading, members]) => [
    '',
    heading,
    ...members.map(({ row }) => row)
  ])
  const counts = WORDS.map(([step, words]) => [countOf(orphans, step), words] as const)
    .filter(([count]) => count > 0)
    .map(([count, words]) => `${count} ${words}`)
  return textOf([head, ...lines, '', `${counts.join(', ')}.`])
}

/** What to do about the plan; empty when there is nothing to do. */
export function adviceText({ orphans, most }: SweepPlan): string {
  const lines = orphans.some(isDue) ? ['Nothing was done. --apply does it.'] : []
  if (most.length > 0) {
    lines.push(
      `At least half of the ${most.join(' and ')} of ours would go. Is that the list of this cluster? --apply then wants --even-most.`
    )
  }
  return textOf(lines)
}

/** What was done, what was not, and whether another run is to follow. */
export function outcomeText({ orphans }: SweepPlan, outcomes: readonly Outcome[]): string {
  const done = outcomes.filter(({ refusal }) => refusal === undefined).map(({ orphan }) => orphan)
  const left = outcomes.flatMap(({ orphan: { kind, name }, refusal }) =>
    refusal === undefined ? [] : [`Left: ${kind} ${name}: ${refusal}`]
  )
  const lines = [
    ...left,
    `Disabled ${countOf(done, 'disable')}, deleted ${countOf(done, 'delete')}, left ${left.length}.`
  ]
  if (countOf(done, 'disable') + countOf(orphans, 'wait') > 0) {
    lines.push('When nobody misses what is disabled, run it again with a fresh list.')
  }
  return textOf(lines)
}

export function exitCodeOfPlan({ orphans }: SweepPlan): number {
  return isUnfinished(orphans) ? FOUND : CLEAN
}

export function exitCodeOfOutcome({ orphans }: SweepPlan, outcomes: readonly Outcome[]): number {
  const isLeft = outcomes.some(
    ({ orphan, refusal }) => orphan.step === 'disable' || refusal !== undefined
  )
  return isLeft || countOf(orphans, 'wait') > 0 ? FOUND : CLEAN
}

/** Whether a run with `--apply`, this one or a later one, has something to do. */
function isUnfinished(orphans: readonly Orphan[]): boolean {
  return orphans.some(({ step }) => step !== 'keep' && step !== 'report')
}

function headingFor({ namespace, livesAgain }: Orphan): string {
  if (namespace === undefined) return 'of all profiles'
  return livesAgain ? `${namespace}, an earlier life of it` : `${namespace}, which is gone`
}

function countOf(orphans: readonly Orphan[], wanted: Step): number {
  return orphans.filter(({ step }) => step === wanted).length
}
