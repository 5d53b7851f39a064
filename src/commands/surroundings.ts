import type { AccessKey } from '../desired/credentials.ts'
import { buildExchange } from '../matrix/exchange.ts'
import { requestFrom } from '../matrix/request.ts'

/** Something beside the profiles' own requests that an attacker would try first. */
export interface Surrounding {
  readonly check: string
  readonly verdict: 'ok' | 'hole'
  /** What was seen. */
  readonly evidence: string
  /** What to do about it; empty when there is nothing to do. */
  readonly remedy: string
}

/** Base URLs of what nobody but SeaweedFS itself should reach. */
export type SideDoors = Readonly<Record<SideDoor, readonly string[]>>
export type SideDoor = keyof typeof SIDE_DOORS

const TIMEOUT_MS = 2_000
const NO_KEY: AccessKey = { accessKeyId: '', secretAccessKey: '' }
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const NETWORK = 'admit nobody but SeaweedFS itself to it with a NetworkPolicy'

/** What answers a stranger says so in these words; a refusal, or silence, does not. */
const SIDE_DOORS = {
  filer: {
    port: 8888,
    path: '/etc/iam/',
    isOpen: (status: number, body: string) =>
      // An answer that there is no such folder is one too: nobody asked who wants to know.
      (status === 200 && body.includes('"Entries"')) || (status === 404 && body === ''),
    harm: 'reads and writes every object and every key',
    remedy: `set WEED_JWT_FILER_SIGNING_KEY and WEED_JWT_FILER_SIGNING_READ_KEY on every SeaweedFS process, and ${NETWORK}`
  },
  master: {
    port: 9333,
    path: '/dir/status',
    isOpen: (status: number, body: string) => status === 200 && body.includes('"Topology"'),
    harm: 'can delete whole buckets',
    remedy: NETWORK
  },
  volume: {
    port: 8080,
    path: '/status',
    isOpen: (status: number, body: string) => status === 200 && body.includes('"DiskStatuses"'),
    harm: 'reads objects by number',
    remedy: NETWORK
  }
} as const

/** Each at its usual port on every host that the service itself talks to. */
export function usualSideDoors(endpoints: readonly string[]): SideDoors {
  const hosts = [...new Set(endpoints.map((endpoint) => new URL(endpoint).hostname))]
  const at = (door: SideDoor) => hosts.map((host) => `http://${host}:${SIDE_DOORS[door].port}`)
  return { filer: at('filer'), master: at('master'), volume: at('volume') }
}

/** Looks from where this process runs; what a profile's namespace reaches may be less. */
export async function inspectSurroundings(
  s3Endpoint: string,
  region: string,
  key: AccessKey,
  sideDoors: SideDoors
): Promise<Surrounding[]> {
  const [iam, doors] = await Promise.all([
    inspectIam(s3Endpoint, region, key),
    inspectSideDoors(sideDoors)
  ])
  return [iam, ...doors]
}

export async function inspectSideDoors(sideDoors: SideDoors): Promise<Surrounding[]> {
  const doors = Object.keys(SIDE_DOORS) as SideDoor[]
  return Promise.all(
    doors.flatMap((door) => sideDoors[door].map((url) => inspectSideDoor(door, url)))
  )
}

/** Where a profile's own ListAccessKeys is answered, every other IAM call has somebody to talk to as well. */
export async function inspectIam(
  s3Endpoint: string,
  region: string,
  key: AccessKey
): Promise<Surrounding> {
  const check = `IAM on ${s3Endpoint}`
  const exchange = buildExchange(s3Endpoint, region, 'iam')
  const request = requestFrom('POST /', FORM, 'Action=ListAccessKeys&Version=2010-05-08')
  try {
    const { status, body } = await exchange(request, 'header', key)
    if (!body.includes('<ListAccessKeysResponse')) {
      return harmless(check, `not served there (HTTP ${status})`)
    }
  } catch (error) {
    return harmless(check, `not served there (${reasonOf(error)})`)
  }
  return {
    check,
    verdict: 'hole',
    evidence: 'served on the endpoint that profiles use, where they list and perhaps issue keys',
    remedy: 'give profiles a gateway of their own, with -iam=false'
  }
}

/** A server of SeaweedFS that was started before there was a user asks nobody for a key, until it is started again. */
export async function inspectOpenIam(iamEndpoint: string): Promise<Surrounding> {
  const check = `IAM without a key at ${iamEndpoint}`
  const exchange = buildExchange(iamEndpoint, '', 'iam')
  const request = requestFrom('POST /', FORM, 'Action=ListUsers&Version=2010-05-08')
  try {
    const { status, body } = await exchange(request, 'unsigned', NO_KEY)
    if (!body.includes('<ListUsersResponse')) {
      return harmless(check, `refuses strangers (HTTP ${status})`)
    }
  } catch (error) {
    return harmless(check, `not reachable from here (${reasonOf(error)})`)
  }
  return {
    check,
    verdict: 'hole',
    evidence: 'answers anybody; whoever reaches it is the admin of the store',
    remedy:
      'restart SeaweedFS once, now that it has users, and admit nobody but the hook to that port with a NetworkPolicy'
  }
}

async function inspectSideDoor(door: SideDoor, url: string): Promise<Surrounding> {
  const { path, isOpen, harm, remedy } = SIDE_DOORS[door]
  const check = `${door} at ${url}`
  try {
    // Not with fetch, which refuses some ports on its own account: that would look like nobody there.
    const exchange = buildExchange(url, '', 's3', undefined, TIMEOUT_MS)
    const request = requestFrom(`GET ${path}`, { accept: 'application/json' })
    const { status, body } = await exchange(request, 'unsigned', NO_KEY)
    if (!isOpen(status, body)) return harmless(check, `refuses strangers (HTTP ${status})`)
    const evidence = `answers without a token; whoever reaches it ${harm}`
    return { check, verdict: 'hole', evidence, remedy }
  } catch (error) {
    return harmless(check, `not reachable from here (${reasonOf(error)})`)
  }
}

function harmless(check: string, evidence: string): Surrounding {
  return { check, verdict: 'ok', evidence, remedy: '' }
}

/** A name or a certificate that is wrong looks like nobody there, unless somebody reads why. */
function reasonOf(error: unknown): string {
  return String((error as { code?: string }).code)
}
