import type { Config, StoreSettings } from '../config.ts'
import { knownHoles } from '../desired/known-holes.ts'
import { storeUrlFor } from '../desired/store-tls.ts'
import { NotReady } from '../errors.ts'
import type { ApiAnswer } from '../object-store/diagnosis.ts'
import { buildIamCheck, buildS3Check } from '../object-store/endpoint-checks.ts'
import { checkFiler } from '../object-store/filer-check.ts'
import { buildGrpcChannel } from '../object-store/grpc-channel.ts'
import type { ObjectStore } from '../object-store/object-store.ts'
import { type ClusterObject, examineCluster } from './doctor-cluster.ts'
import { examineFiler } from './doctor-filer.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'
import { WELL_KNOWN_SECRET } from './init-secrets.ts'
import {
  inspectOpenIam,
  inspectSideDoors,
  type SideDoors,
  type Surrounding
} from './surroundings.ts'
import { tryKey } from './trial-key.ts'

export interface DoctorOptions {
  /** What kubectl shows of the cluster; undefined when nobody gave it. */
  readonly objects: readonly ClusterObject[] | undefined
  readonly sideDoors: SideDoors
  readonly signal: AbortSignal
}

/** Of one request to an endpoint that may not exist. */
const PATIENCE_MS = 5_000
/** Signatures are refused from 15 min on; nobody should come near. */
const MAX_CLOCK_MS = 60_000

/** Looks at everything that an installation needs. A fault is a finding, not an error. */
export async function doctor(
  config: Config,
  store: ObjectStore,
  { objects, sideDoors, signal }: DoctorOptions
): Promise<Finding[]> {
  const endpoints = await examineEndpoints(config, signal)
  const isUsable = endpoints.every(({ verdict }) => verdict !== 'failed')
  const keys = isUsable
    ? await tryKey(config, store, signal)
    : [skipped('supplied keys', 'the store cannot be used as it is', 'mend the endpoints first')]
  const writers = await examineWriters(config.store, soon(signal))
  const doors = await inspectSideDoors(sideDoors)
  signal.throwIfAborted()
  return [
    ...examineSettings(config),
    ...endpoints,
    ...keys,
    ...writers,
    ...doors.map(findingOf),
    ...examineCluster(config, objects)
  ]
}

function examineSettings({ store, server }: Config): Finding[] {
  const findings = [ok('settings', 'complete, and each valid by itself')]
  if (store.credentials.secretAccessKey === WELL_KNOWN_SECRET) {
    findings.push(
      failed(
        'admin pair',
        `AWS_SECRET_ACCESS_KEY is the one that everybody knows (${WELL_KNOWN_SECRET}); whoever reaches the store is its admin`,
        'change Secret mlpipeline-minio-artifact as kustomize/components/init-secrets/README.md says'
      )
    )
  }
  if (server.hookAuth === 'none') {
    findings.push(
      warning(
        'hook token',
        'HOOK_AUTH=none: whoever reaches the port of the hook gets any profile’s keys',
        'use a token, or make sure that a NetworkPolicy admits Metacontroller alone'
      )
    )
  }
  return findings
}

async function examineEndpoints(config: Config, signal: AbortSignal): Promise<Finding[]> {
  const { store, profile } = config
  const bucket = profile.commonBucket
  const checkS3 = buildS3Check(store)
  const tenants = { ...store, s3Endpoint: storeUrlFor(profile) }
  const checkTenantsS3 = buildS3Check(tenants, 'OBJECT_STORE_HOST')
  return [
    ...(await examine('S3 endpoint', store.s3Endpoint, async () => {
      const answer = await checkS3(bucket, soon(signal))
      return [...examineVersion(config, answer.version), examineClock(answer)]
    })),
    ...(await examineIdentityApi(store, signal)),
    ...(await examine('endpoint in ConfigMaps', tenants.s3Endpoint, async () => {
      await checkTenantsS3(bucket, soon(signal))
      return []
    }))
  ]
}

async function examineIdentityApi(store: StoreSettings, signal: AbortSignal): Promise<Finding[]> {
  if (store.filer === undefined) {
    return examine('IAM endpoint', `${store.iamEndpoint}, writable`, async () => {
      await buildIamCheck(store)(soon(signal))
      return []
    })
  }
  const { filer } = store
  return examine('identity service of the filer', filer.address, async () => {
    const channel = buildGrpcChannel(filer.address, filer.tls)
    try {
      // What the clocks say is a finding of its own.
      await checkFiler(filer, channel, Number.NaN, soon(signal))
    } finally {
      channel.close()
    }
    return []
  })
}

/** Who else is let to write identities. */
async function examineWriters(store: StoreSettings, signal: AbortSignal): Promise<Finding[]> {
  if (store.filer !== undefined) return examineFiler(store, signal)
  return [findingOf(await inspectOpenIam(store.iamEndpoint))]
}

async function examine(
  check: string,
  endpoint: string,
  look: () => Promise<Finding[]>
): Promise<Finding[]> {
  try {
    const more = await look()
    return [ok(check, endpoint), ...more]
  } catch (error) {
    if (!(error instanceof NotReady)) throw error
    // What to do stands after what was seen, in the one sentence that the log has too.
    const [evidence = '', ...remedy] = error.message.split('; ')
    return [failed(check, evidence, remedy.join('; '))]
  }
}

function examineVersion({ profile }: Config, version: string | undefined): Finding[] {
  const check = 'store version'
  const holes = knownHoles(version, profile).map(({ name, remedy }) => warning(check, name, remedy))
  return holes.length > 0 ? holes : [ok(check, `SeaweedFS ${version}`)]
}

function examineClock({ clockAheadMs }: Pick<ApiAnswer, 'clockAheadMs'>): Finding {
  const check = 'clocks'
  if (Number.isNaN(clockAheadMs)) {
    return skipped(check, 'the store does not say its time', 'synchronise the clocks of the nodes')
  }
  const seconds = Math.round(Math.abs(clockAheadMs) / 1000)
  const evidence = `${seconds} s apart`
  if (seconds * 1000 <= MAX_CLOCK_MS) return ok(check, evidence)
  const remedy = 'synchronise the clocks of the nodes: from 15 min on every request is refused'
  return warning(check, evidence, remedy)
}

function soon(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
}

function findingOf({ check, verdict, evidence, remedy }: Surrounding): Finding {
  return { check, verdict: verdict === 'hole' ? 'failed' : 'ok', evidence, remedy }
}
