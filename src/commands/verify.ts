import type { S3Client } from '@aws-sdk/client-s3'
import type { Config, StoreSettings } from '../config.ts'
import { knownHoles } from '../desired/known-holes.ts'
import { CommandFailed } from '../errors.ts'
import { distinctAttacks } from '../matrix/attacks.ts'
import type { CaseResult, Reach } from '../matrix/case-result.ts'
import { buildExchange } from '../matrix/exchange.ts'
import { LEGITIMATE_CASES } from '../matrix/legitimate.ts'
import { runAttacks } from '../matrix/run-attacks.ts'
import { runLegitimate } from '../matrix/run-legitimate.ts'
import { MARKS, type Party } from '../matrix/scene.ts'
import { type Sown, sow } from '../matrix/seeds.ts'
import type { Budget, ObjectStore } from '../object-store/object-store.ts'
import { statusOf, storeError } from '../object-store/store-errors.ts'
import { buildAdminClient } from './admin-client.ts'
import { findParties } from './parties.ts'
import { withLimitedPatience } from './patience.ts'
import { inspectSurroundings, type SideDoors, type Surrounding } from './surroundings.ts'

export interface VerifyOptions {
  /** Empty for every profile of the store. */
  readonly namespaces: readonly string[]
  readonly sideDoors: SideDoors
  /** Told what is going on, a line at a time. */
  readonly onProgress: (line: string) => void
  readonly signal: AbortSignal
}

/** What one profile was able to do to another. */
export interface PairReport {
  readonly own: string
  readonly their: string
  readonly seconds: number
  readonly results: readonly CaseResult[]
}

export interface VerifyReport {
  readonly endpoint: string
  readonly layout: string
  readonly storeVersion: string | undefined
  readonly pairs: readonly PairReport[]
  readonly surroundings: readonly Surrounding[]
  /** Sentences about the installation that the cases do not tell. */
  readonly warnings: readonly string[]
}

/** What every pair is verified with. */
interface Field extends Pick<VerifyOptions, 'onProgress' | 'signal'> {
  readonly commonBucket: string
  readonly reach: Reach
  readonly admin: S3Client
}

const LOOKUP_BUDGET_MS = 60_000
const PROGRESS_EVERY_CASES = 100

/**
 * Runs every case that cannot damage anything between profiles of a live installation, on the endpoint
 * that they use, with their own keys. Writes only below marks of its own, and removes them.
 * @throws CommandFailed when there is nothing to verify with; a hole is a result, not an error
 */
export async function verify(
  config: Config,
  store: ObjectStore,
  options: VerifyOptions
): Promise<VerifyReport> {
  const run = new AbortController()
  const signal = AbortSignal.any([options.signal, run.signal])
  try {
    return await verifyAll(config, store, { ...options, signal }, run)
  } catch (error) {
    // What failed because the run was ended is not the news; marks that are left are.
    throw signal.aborted && !(error instanceof CommandFailed) ? signal.reason : error
  }
}

async function verifyAll(
  { store: settings, profile }: Config,
  store: ObjectStore,
  { namespaces, sideDoors, onProgress, signal }: VerifyOptions,
  run: AbortController
): Promise<VerifyReport> {
  const lookup = {
    namespace: '(verify)',
    signal: AbortSignal.any([signal, AbortSignal.timeout(LOOKUP_BUDGET_MS)])
  }
  const { storeVersion } = await store.checkReadiness(lookup)
  const parties = await findParties(namespaces, profile, store, lookup)
  for (const party of parties) await ensureKeyWorks(party, store, lookup)

  const reach = reachOf(settings, signal, run)
  const admin = buildAdminClient(settings)
  const { commonBucket } = profile
  const field = { commonBucket, reach, admin, onProgress, signal }
  const pairs: PairReport[] = []
  for (const [own, their] of pairsOf(parties, commonBucket)) {
    onProgress(`${own.namespace} against ${their.namespace}`)
    pairs.push(await verifyPair(own, their, field))
  }
  const [{ accessKey }] = parties as [Party]
  const { s3Endpoint, region } = settings
  return {
    endpoint: s3Endpoint,
    layout: profile.layout,
    storeVersion,
    pairs,
    surroundings: await inspectSurroundings(s3Endpoint, region, accessKey, sideDoors),
    warnings: knownHoles(storeVersion, profile).map(({ name, remedy }) => `${name}: ${remedy}`)
  }
}

/** Each attacks the next; a single one attacks what was sown for nobody. */
export function pairsOf(
  parties: readonly Party[],
  commonBucket: string
): (readonly [own: Party, their: Party])[] {
  return parties.map((own, index) => {
    const others = [...parties.slice(index + 1), ...parties.slice(0, index)]
    // Two lives of one profile share their data where they share a bucket.
    const their = others.find(
      ({ namespace, bucket }) => namespace !== own.namespace || bucket !== own.bucket
    )
    return [own, their ?? standIn(commonBucket)] as const
  })
}

/** No profile can have that name, or that key. */
function standIn(commonBucket: string): Party {
  const namespace = '.s3-profile-controller/nobody'
  return {
    namespace,
    user: 'nobody-at-all',
    accessKey: { accessKeyId: 'NOBODYATALL', secretAccessKey: 'the-secret-of-nobody-at-all' },
    bucket: commonBucket,
    prefix: `private-artifacts/${namespace}/`
  }
}

/** A key that the gateway does not take would be refused everything, and look isolated. */
async function ensureKeyWorks(
  { namespace, bucket, prefix, accessKey }: Party,
  store: ObjectStore,
  budget: Budget
): Promise<void> {
  const answer = await store.probe(accessKey, { bucket, key: `${prefix}${MARKS}probe` }, budget)
  if (answer === 'absent' || answer === 'readable') return
  const meaning: Record<typeof answer, string> = {
    'unknown-key': 'the gateway does not know it',
    'wrong-secret':
      'it exists with another secret; is CREDENTIAL_ROOT_KEY the root key of this installation?',
    denied: 'it is refused its own data',
    'no-bucket': `bucket ${bucket} does not exist`
  }
  throw new CommandFailed(`The key of profile ${namespace} does not work: ${meaning[answer]}`)
}

function reachOf(
  { s3Endpoint, region }: StoreSettings,
  signal: AbortSignal,
  run: AbortController
): Reach {
  const exchange = (service: 's3' | 'iam') =>
    withLimitedPatience(buildExchange(s3Endpoint, region, service, signal), run)
  return { region, s3: exchange('s3'), iam: { 'the S3 endpoint': exchange('iam') } }
}

async function verifyPair(own: Party, their: Party, field: Field): Promise<PairReport> {
  const startedAt = performance.now()
  const during = (step: string) => (error: unknown) => {
    throw inOurWords(error, step, own.namespace)
  }
  const sown = await sow(field.admin, own, their, field.commonBucket).catch(during('sowing marks'))
  let results: CaseResult[]
  try {
    results = await runCases(sown, field).catch(during('running the cases'))
  } finally {
    const { mark } = sown.scene
    await sown.remove().catch((error: unknown) => {
      const { message } = inOurWords(error, 'removing marks', own.namespace)
      throw new CommandFailed(`${message}; ${mark} is left, which a run an hour later removes`)
    })
  }
  const seconds = (performance.now() - startedAt) / 1000
  return { own: own.namespace, their: their.namespace, seconds, results }
}

async function runCases(
  sown: Sown,
  { reach, onProgress, signal }: Pick<Field, 'reach' | 'onProgress' | 'signal'>
): Promise<CaseResult[]> {
  const results: CaseResult[] = []
  const attacks = distinctAttacks(sown.scene, reach).filter(({ attack }) => attack.risk === 'none')
  const cases = LEGITIMATE_CASES.length + attacks.length
  const add = (result: CaseResult) => {
    signal.throwIfAborted()
    results.push(result)
    const isTold = results.length % PROGRESS_EVERY_CASES === 0
    if (isTold) onProgress(`  ${results.length} of ${cases} cases`)
  }
  for (const legitimate of LEGITIMATE_CASES) {
    add(await runLegitimate(legitimate, sown.scene, reach))
  }
  const witness = { name: 'their data', look: sown.look, restore: sown.sowAgain }
  for await (const result of runAttacks(attacks, sown, [witness], reach)) add(result)
  return results
}

/** The SDK's words are not always a sentence. What is no failure of the store is a bug, and stays as it is. */
function inOurWords(error: unknown, step: string, namespace: string): Error {
  const { code } = error as { code?: string }
  const isOfStore = code !== undefined || statusOf(error) !== undefined
  const unlimited = new AbortController().signal
  return isOfStore ? storeError(error, step, { namespace, signal: unlimited }) : (error as Error)
}
