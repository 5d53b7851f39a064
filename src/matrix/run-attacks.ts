import type { Attack } from './attack.ts'
import { type Concrete, nameOf, requestOf } from './attacks.ts'
import { type CaseResult, codeOf, type Reach } from './case-result.ts'
import { leakIn } from './evidence.ts'
import type { Exchange } from './exchange.ts'
import { type Answer, type Request, requestFrom } from './request.ts'
import { filledIn, type Scene } from './scene.ts'
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
    if (request.method === 'PUT' && attack.loot === undefined) {
      await sown.removePlanted(request.path)
      // In other words the path may have meant a seed.
      await damageSeen(witnesses, baselines)
    }
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
