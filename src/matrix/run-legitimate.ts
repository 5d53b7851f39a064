import { filledHeaders } from './attacks.ts'
import { type CaseResult, codeOf, type Reach } from './case-result.ts'
import type { Exchange } from './exchange.ts'
import type { LegitimateCase, Step } from './legitimate.ts'
import { type Answer, requestFrom } from './request.ts'
import { filledIn, type Scene } from './scene.ts'

/** Runs one legitimate case, as a fixed sequence of requests with the own key. */
export async function runLegitimate(
  { name, usedBy, steps }: LegitimateCase,
  scene: Scene,
  { s3 }: Reach
): Promise<CaseResult> {
  const kept: Record<string, string> = {}
  const result = { kind: 'legitimate', group: 'legitimate', name: `${name} (${usedBy})` } as const
  for (const step of steps) {
    const fault = await faultOf(step, kept, scene, s3)
    if (fault !== undefined) return { ...result, verdict: 'broken', evidence: fault }
  }
  return { ...result, verdict: 'ok', evidence: '' }
}

async function faultOf(
  step: Step,
  kept: Record<string, string>,
  scene: Scene,
  s3: Exchange
): Promise<string | undefined> {
  const fill = (text: string) =>
    filledIn(
      text.replaceAll(/\{kept\.([a-z]+)\}/g, (_, what: string) => kept[what] ?? ''),
      scene
    )
  const matches = (pattern: RegExp, text: string) => {
    const source = filledIn(pattern.source, scene).replaceAll(/\.(?=s3-profile)/g, '\\.')
    return new RegExp(source, pattern.flags).test(text)
  }
  const request = requestFrom(
    fill(step.line),
    filledHeaders(step.headers, fill),
    fill(step.body ?? '')
  )
  const answer = await s3(request, step.signing ?? 'header', scene.own.accessKey)
  const said = `${step.line} was answered with HTTP ${answer.status} ${codeOf(answer)}`
  if (answer.status !== step.status) return said
  if (step.answers && !matches(step.answers, answer.body)) return `${said}, without ${step.answers}`
  if (step.omits && matches(step.omits, answer.body)) return `${said}, with ${step.omits}`
  const [header, value] = step.header ?? []
  if (header && !value?.test(answer.headers[header] ?? '')) return `${said}, without ${header}`
  const text = `${headerLines(answer)}\n${answer.body}`
  for (const [what, pattern] of Object.entries(step.keeps ?? {})) {
    kept[what] = pattern.exec(text)?.[1] ?? ''
  }
  return undefined
}

function headerLines({ headers }: Answer): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')
}
