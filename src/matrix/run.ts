import type { Attack } from './attack.ts'
import { BUCKET_ATTACKS } from './bucket-attacks.ts'
import { leakIn } from './evidence.ts'
import type { Exchange } from './exchange.ts'
import { IDENTITY_ATTACKS } from './identity-attacks.ts'
import type { LegitimateCase, Step } from './legitimate.ts'
import { LISTING_ATTACKS } from './listing-attacks.ts'
import { OBJECT_ATTACKS } from './object-attacks.ts'
import { type Answer, type Request, requestFrom, textOf } from './request.ts'
import { filledIn, isShared, type Scene } from './scene.ts'
import type { Sown } from './seeds.ts'
import { signedForm } from './signing.ts'

/** Every attack, group by group; those on identities last, because a success may shut out what comes after. */
export const ATTACKS: readonly Attack[] = groupByGroup([
  ...OBJECT_ATTACKS,
  ...LISTING_ATTACKS,
  ...BUCKET_ATTACKS,
  ...IDENTITY_ATTACKS
])

/** Something that no attack may change. */
export interface Witness {
  readonly name: string
  /** Text that is equal if and only if nothing changed. */
  look(): Promise<string>
  restore(): Promise<void>
}

/** Where a profile may send requests. */
export interface Reach {
  readonly s3: Exchange
  /** Name of an endpoint -> how to speak to it; all that might serve IAM. */
  readonly iam: Readonly<Record<string, Exchange>>
  readonly region: string
}

export interface CaseResult {
  readonly kind: 'legitimate' | 'attack'
  readonly group: string
  /** The case in one line, with the names of the scene unfilled. */
  readonly name: string
  /** `inconclusive`: refused for a fault of the case itself, so nothing was shown. */
  readonly verdict: 'ok' | 'hole' | 'broken' | 'inconclusive'
  /** What went wrong; holds no secret of anybody. */
  readonly evidence: string
}

/** A case of the scene, told from all others by what goes over the wire. */
interface Concrete {
  readonly attack: Attack
  readonly endpoint: string
  readonly exchange: Exchange
}

/** The attacks that differ in this scene; where both parties share a bucket some become the same. */
export function distinctAttacks(scene: Scene, reach: Reach, attacks = ATTACKS): Concrete[] {
  const seen = new Set<string>()
  const concrete: Concrete[] = []
  for (const attack of attacks) {
    if (isLegitimateHere(attack, scene)) continue
    const endpoints = attack.api === 'iam' ? reach.iam : { '': reach.s3 }
    for (const [endpoint, exchange] of Object.entries(endpoints)) {
      const { signing, form, loot } = attack
      const parts = [endpoint, signing, textOf(requestOf(attack, scene, reach.region, false))]
      const identity = JSON.stringify([...parts, form, loot])
      if (seen.has(identity)) continue
      seen.add(identity)
      concrete.push({ attack, endpoint, exchange })
    }
  }
  return concrete
}

function groupByGroup(attacks: readonly Attack[]): Attack[] {
  return [...Map.groupBy(attacks, ({ group }) => group).values()].flat()
}

/** In a bucket of its own a profile may do more than below a prefix: what is refused in one is right in the other. */
function isLegitimateHere({ line }: Attack, scene: Scene): boolean {
  return isShared(scene) && line === 'HEAD /{their.bucket}'
}

/**
 * Runs the attacks in their order and says what came of each; whatever was damaged is restored. A request
 * that was refused is taken at its word until the end of its group: then nothing may have changed either.
 */
export async function* runAttacks(
  attacks: readonly Concrete[],
  sown: Sown,
  witnesses: readonly Witness[],
  reach: Reach
): AsyncGenerator<CaseResult> {
  const baselines = new Map<string, string>()
  for (const { name, look } of witnesses) baselines.set(name, await look())
  for (const [index, concrete] of attacks.entries()) {
    yield await runAttack(concrete, sown, witnesses, baselines, reach)
    const { group } = concrete.attack
    if (attacks[index + 1]?.attack.group === group) continue
    const damaged = await damageSeen(witnesses, baselines)
    if (damaged === undefined) continue
    const name = `all of "${group}"`
    const evidence = `${damaged} changed although every request was refused`
    yield { kind: 'attack', group, name, verdict: 'hole', evidence }
  }
}

async function runAttack(
  { attack, endpoint, exchange }: Concrete,
  sown: Sown,
  witnesses: readonly Witness[],
  baselines: Map<string, string>,
  reach: Reach
): Promise<CaseResult> {
  const { scene } = sown
  const request = requestOf(attack, scene, reach.region, true)
  const result = (verdict: CaseResult['verdict'], evidence = ''): CaseResult => ({
    kind: 'attack',
    group: attack.group,
    name: nameOf(attack, endpoint),
    verdict,
    evidence
  })
  const answer = await answerTo(request, attack, scene, exchange)
  const said = `HTTP ${answer.status}`
  if (!isRefusal(answer) && !isRead(attack)) {
    // It may have been ended by the own party, which is no attack; the next case needs one.
    await sown.ensureOwnUpload()
    const damaged = await damageSeen(witnesses, baselines)
    if (damaged !== undefined) return result('hole', `it changed ${damaged} (${said})`)
  }
  const leak =
    leakIn(answer, request, scene, sown.etag) ?? (await leakInLoot(attack, sown, reach.s3))
  if (leak !== undefined) return result('hole', `it gave away ${leak} (${said})`)
  if (attack.judgedBy === 'status' && isGranted(answer)) {
    return result('hole', `it was answered (${said})`)
  }
  if (answer.status === 0) return result('inconclusive', answer.body)
  const isMismatch = /<Code>(SignatureDoesNotMatch|InvalidAccessKeyId)</.test(answer.body)
  return isMismatch && !attack.isForged ? result('inconclusive', codeOf(answer)) : result('ok')
}

/** Status 0 and the reason where there is no answer at all: some requests make a server hang up. */
async function answerTo(
  request: Request,
  { signing }: Attack,
  { own }: Scene,
  exchange: Exchange
): Promise<Answer> {
  try {
    return await exchange(request, signing, own.accessKey)
  } catch (error) {
    return { status: 0, headers: {}, body: (error as Error).message }
  }
}

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

/** The first that changed; afterwards everything is as it was, or that is the new baseline. */
async function damageSeen(
  witnesses: readonly Witness[],
  baselines: Map<string, string>
): Promise<string | undefined> {
  let damaged: string | undefined
  for (const { name, look } of witnesses) {
    // What cannot be looked at any more is damaged too: a bucket may be gone.
    const seen = await look().catch(({ name }: Error) => name)
    if (seen !== baselines.get(name)) damaged ??= name
  }
  if (damaged === undefined) return undefined
  for (const { restore } of witnesses) await restore()
  for (const { name, look } of witnesses) baselines.set(name, await look())
  return damaged
}

function isRead({ line, api }: Attack): boolean {
  return api === 's3' && /^(GET|HEAD) /.test(line)
}

function isRefusal({ status }: Answer): boolean {
  return status >= 400 && status < 500
}

async function leakInLoot({ loot }: Attack, { scene, etag }: Sown, s3: Exchange) {
  if (loot === undefined) return undefined
  const path = filledIn(loot, scene)
  const { accessKey } = scene.own
  const read = requestFrom(`GET ${path}`)
  const leak = leakIn(await s3(read, 'header', accessKey), read, scene, etag)
  await s3(requestFrom(`DELETE ${path}`), 'header', accessKey)
  return leak
}

/** Refused calls and listings are judged by what they say; here only that the question was answered. */
function isGranted({ status, body }: Answer): boolean {
  const isListing = /<List[A-Za-z]*Result[\s>]/.test(body)
  return (status >= 200 && status < 300 && !isListing) || status === 304
}

function requestOf(attack: Attack, scene: Scene, region: string, isReal: boolean): Request {
  const fill = (text: string) => filledIn(text, scene)
  const line = fill(attack.line)
  const headers = filledHeaders(attack.headers, fill)
  if (attack.form === undefined) return requestFrom(line, headers, fill(attack.body ?? ''))
  const fields = filledHeaders(attack.form, fill)
  if (!isReal) return requestFrom(line, headers, JSON.stringify(fields))
  const form = signedForm(fields, scene.their.bucket, scene.own.accessKey, region)
  return requestFrom(line, { ...headers, ...form.headers }, form.body)
}

function filledHeaders(
  headers: Readonly<Record<string, string>> | undefined,
  fill: (text: string) => string
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name, fill(value)])
  )
}

function nameOf(
  { line, headers = {}, form, signing, body = '' }: Attack,
  endpoint: string
): string {
  const fields = Object.entries({ ...headers, ...form }).map(([name, value]) => `${name}: ${value}`)
  const action = /Action=[A-Za-z]+/.test(body) ? [body.replace(/&PolicyDocument=.*/, '')] : []
  const extra = [...action, ...fields.filter((field) => !field.startsWith('content-type: app'))]
  const where = endpoint === '' ? '' : ` on ${endpoint}`
  return [`${line}${where}`, ...extra, ...(signing === 'header' ? [] : [signing])].join(' | ')
}

function codeOf({ body }: Answer): string {
  return /<Code>([A-Za-z]+)</.exec(body)?.[1] ?? ''
}

function headerLines({ headers }: Answer): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')
}
