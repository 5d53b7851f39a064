import type { Attack } from './attack.ts'
import { BUCKET_ATTACKS } from './bucket-attacks.ts'
import type { Reach } from './case-result.ts'
import { COPY_ATTACKS } from './copy-attacks.ts'
import type { Exchange } from './exchange.ts'
import { IDENTITY_ATTACKS } from './identity-attacks.ts'
import { LISTING_ATTACKS } from './listing-attacks.ts'
import { OBJECT_ATTACKS } from './object-attacks.ts'
import { type Request, requestFrom, textOf } from './request.ts'
import { filledIn, isShared, type Scene } from './scene.ts'
import { signedForm } from './signing.ts'
import { UPLOAD_ATTACKS } from './upload-attacks.ts'

/** Every attack, group by group; those on identities last, because a success may shut out what comes after. */
export const ATTACKS: readonly Attack[] = groupByGroup([
  ...OBJECT_ATTACKS,
  ...UPLOAD_ATTACKS,
  ...COPY_ATTACKS,
  ...LISTING_ATTACKS,
  ...BUCKET_ATTACKS,
  ...IDENTITY_ATTACKS
])

/** A case of the scene, told from all others by what goes over the wire. */
export interface Concrete {
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
  return (
    isShared(scene) && /^(HEAD \/\{their\.bucket\}|GET \/\{their\.bucket\}\?location)$/.test(line)
  )
}

/** What goes over the wire; a form that is not real is not signed, so that it can be compared. */
export function requestOf(attack: Attack, scene: Scene, region: string, isReal: boolean): Request {
  const fill = (text: string) => filledIn(text, scene)
  const line = fill(attack.line)
  const headers = filledHeaders(attack.headers, fill)
  if (attack.form === undefined) return requestFrom(line, headers, fill(attack.body ?? ''))
  const fields = filledHeaders(attack.form, fill)
  if (!isReal) return requestFrom(line, headers, JSON.stringify(fields))
  const form = signedForm(fields, scene.their.bucket, scene.own.accessKey, region)
  return requestFrom(line, { ...headers, ...form.headers }, form.body)
}

export function filledHeaders(
  headers: Readonly<Record<string, string>> | undefined,
  fill: (text: string) => string
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name, fill(value)])
  )
}

/** The case in one line, names unfilled. */
export function nameOf(
  { line, headers = {}, form, signing, body = '' }: Attack,
  endpoint: string
): string {
  const fields = Object.entries({ ...headers, ...form }).map(([name, value]) => `${name}: ${value}`)
  const action = /Action=[A-Za-z]+/.test(body) ? [body.replace(/&PolicyDocument=.*/, '')] : []
  const extra = [...action, ...fields.filter((field) => !field.startsWith('content-type: app'))]
  const where = endpoint === '' ? '' : ` on ${endpoint}`
  return [`${line}${where}`, ...extra, ...(signing === 'header' ? [] : [signing])].join(' | ')
}
