import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { figureText } from './figures.ts'

/** One line of the table: what was measured, beside what, and what it should be. Smaller is better everywhere. */
export interface Row {
  readonly work: string
  readonly unit: string
  readonly ours: number | Skipped
  readonly rival?: Rival | undefined
  readonly target?: Target | undefined
  /** What one has to know to read the figure. */
  readonly note?: string | undefined
}

interface Rival {
  readonly name: string
  readonly figure: number | Skipped
}

/** Why there is no figure. */
interface Skipped {
  readonly skipped: string
}

/** Ours over the rival's, or ours alone, at most. */
export type Target = { readonly ratio: number } | { readonly figure: number }

/** Milliseconds per profile, at so many profiles. */
export interface Curve {
  readonly name: string
  readonly points: readonly (readonly [profiles: number, ms: number])[]
}

export interface Results {
  readonly rows: readonly Row[]
  readonly curves?: readonly Curve[]
}

export interface StoredResults extends Results {
  readonly benchmark: string
  readonly measuredAt: string
  readonly machine: string
  /** The share of the processor that a hypervisor gave to others meanwhile; nobody's figure is better for it. */
  readonly withheld?: number
}

const FOLDER = new URL('results/', import.meta.url)

export function ratioOf({ ours, rival }: Row): number | undefined {
  const figure = rival?.figure
  return typeof figure === 'number' && typeof ours === 'number' ? ours / figure : undefined
}

/** Undefined when it could not be measured, or nothing is asked. */
export function isMet(row: Row): boolean | undefined {
  const { ours, target } = row
  if (target === undefined || typeof ours !== 'number') return undefined
  if ('figure' in target) return ours <= target.figure
  const ratio = ratioOf(row)
  return ratio === undefined ? undefined : ratio <= target.ratio
}

export function rowText(row: Row): string {
  const { ours, unit, rival, note } = row
  const ratio = ratioOf(row)
  return [
    `${row.work}: ${withUnit(ours, unit)}`,
    rival && `${rival.name} ${withUnit(rival.figure, unit)}`,
    ratio !== undefined && `ratio ${ratioText(ratio)}`,
    row.target && `target ${targetText(row.target, unit)}: ${verdictText(row)}`,
    note
  ]
    .filter(Boolean)
    .join(', ')
}

export function withUnit(figure: number | Skipped, unit: string): string {
  return typeof figure === 'number'
    ? `${figureText(figure)} ${unit}`.trim()
    : `skipped: ${figure.skipped}`
}

export function targetText(target: Target, unit: string): string {
  if ('figure' in target) return `<= ${withUnit(target.figure, unit)}`
  return `<= ${ratioText(target.ratio)}`
}

export function verdictText(row: Row): string {
  const met = isMet(row)
  return met === undefined ? 'not measured' : met ? 'met' : 'MISSED'
}

export function ratioText(ratio: number): string {
  return `${figureText(ratio)}x`
}

export function writeResults(benchmark: string, results: Results, withheld: number): void {
  mkdirSync(FOLDER, { recursive: true })
  const [{ model = 'unknown CPU' } = {}, ...others] = cpus()
  const stored: StoredResults = {
    benchmark,
    measuredAt: new Date().toISOString().slice(0, 10),
    machine: `${others.length + 1} cores, ${model.trim()}, Node ${process.version}`,
    withheld,
    ...results
  }
  writeFileSync(new URL(`${benchmark}.json`, FOLDER), `${JSON.stringify(stored, undefined, 2)}\n`)
}

export function withheldText(withheld: number): string {
  return `${Math.round(withheld * 100)} % of the processor was withheld`
}

export function readResults(): StoredResults[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')))
}
