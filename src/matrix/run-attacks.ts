import type { Attack } from './attack.ts'
import { type Concrete, nameOf, requestOf } from './attacks.ts'
import { type CaseResult, codeOf, type Reach } from './case-result.ts'
import { leakIn } from './evidence.ts'
import type { Exchange } from './exchange.ts'
import { type Answer, type Request, requestFrom } from './request.ts'
import { filledIn, isShared, type Scene } from './scene.ts'
import type { Sown } from './seeds.ts'

/** Something that no attack may change. */
export interface Witness {
  readonly name: string
  /** Text that is equal if and only if nothing changed. */
  look(): Promise<string>
  restore(): Promise<void>
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
  // It may have been ended by the own party, which is no attack.
  if (attack.line.includes('{own.upload}')) await sown.ensureOwnUpload()
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
    const damaged = await damageSeen(witnesses, baselines)
    if (damaged !== undefined) return result('hole', `it changed ${damaged} (${said})`)
    if (request.method === 'PUT' && attack.loot === undefined) {
      await sown.removePlanted(request.path)
      // In other words the path may have meant a seed.
      await damageSeen(witnesses, baselines)
    }
  }
  const leak =
    leakIn(answer, request, scene, sown.etag) ?? (await leakInLoot(attack, answer, sown, reach.s3))
  if (leak !== undefined) return result('hole', `it gave away ${leak} (${said})`)
  if (answer.status === 0) return result('inconclusive', answer.body)
  if (OWN_FAULTS.test(answer.body) && !attack.isForged) {
    return result('inconclusive', codeOf(answer))
  }
  const isAllowed =
    attack.judgedBy === 'denial'
      ? !isDenied(answer)
      : (attack.judgedBy === 'status' || isOnTheirs(attack, scene)) && isGranted(answer, attack)
  return isAllowed ? result('hole', `it was answered (${said})`) : result('ok')
}

/** What a store says of a request that was not made well; it shows nothing about rights. */
const OWN_FAULTS =
  /<Code>(SignatureDoesNotMatch|InvalidAccessKeyId|RequestTimeTooSkewed|AuthorizationHeaderMalformed|XAmzContentSHA256Mismatch|IncompleteBody|MalformedXML|MalformedPolicy|MalformedPOSTRequest|InvalidPart)<|Policy Condition failed/

/** Of what is theirs by its very words, nothing is answered, whether it is there or not. */
function isOnTheirs({ line }: Attack, scene: Scene): boolean {
  const isTheirs = isShared(scene)
    ? /^[A-Z]+ \/\{their\.bucket\}\/\{their\.mark\}/
    : /^[A-Z]+ \/\{their\.bucket\}\/./
  return isTheirs.test(line)
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

async function leakInLoot(
  { loot }: Attack,
  answer: Answer,
  { scene, etag }: Sown,
  s3: Exchange
): Promise<string | undefined> {
  if (loot === undefined || isRefusal(answer)) return undefined
  const path = filledIn(loot, scene)
  const { accessKey } = scene.own
  const read = requestFrom(`GET ${path}`)
  const leak = leakIn(await s3(read, 'header', accessKey), read, scene, etag)
  await s3(requestFrom(`DELETE ${path}`), 'header', accessKey)
  return leak
}

/**
 * Refused calls, listings and batches are judged by what they say; here only that the question was answered, be it
 * that there is no such thing, that it is in use, or that a condition about it does not hold.
 */
function isGranted(answer: Answer, { line }: Attack): boolean {
  const { status, body } = answer
  if (status >= 200 && status < 300) return !/<(List[A-Za-z]*|Delete)Result[\s>]/.test(body)
  // A proxy on the way that knows no such address says so without a code.
  const isStores = line.startsWith('HEAD ') || codeOf(answer) !== ''
  return status === 304 || ([404, 409, 412, 416].includes(status) && isStores)
}

/** Denied, or not implemented at all. */
function isDenied({ status }: Answer): boolean {
  return [401, 403, 405, 501].includes(status)
}
