import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ListBucketsCommand, type S3Client } from '@aws-sdk/client-s3'
import { choosePorts } from '../../dev/free-ports.ts'
import { type AdminCredentials, DEFAULT_VERSION } from '../../dev/seaweedfs.ts'
import { ensureWeed, findWeedOnPath } from '../../dev/weed-binary.ts'
import { serverArguments, weedEnvironment } from '../../dev/weed-command-lines.ts'
import type { Processes, Running } from '../cluster/processes.ts'
import { until } from '../cluster/until.ts'
import { s3Client } from '../fixtures/cluster-view.ts'

const LOOPBACK = '127.0.0.1'

/** A store as one process, which stands for somebody else's beside the rendered containers. */
export interface WeedServer {
  readonly endpoint: string
  readonly admin: AdminCredentials
  /** As its admin. */
  readonly client: S3Client
  start(): Promise<void>
  stop(): Promise<void>
}

export async function startWeedServer(processes: Processes, name: string): Promise<WeedServer> {
  const { path } =
    (await findWeedOnPath(DEFAULT_VERSION)) ?? (await ensureWeed(DEFAULT_VERSION, () => {}))
  const ports = await choosePorts({})
  const folder = join(processes.folder, name)
  mkdirSync(folder)
  const admin = {
    accessKeyId: randomBytes(10).toString('hex').toUpperCase(),
    secretAccessKey: randomBytes(20).toString('hex')
  }
  const where = { folder, ip: LOOPBACK, bind: LOOPBACK }
  const setup = {
    version: DEFAULT_VERSION,
    standaloneIam: false,
    topology: 'tenant-gateway'
  } as const
  const line = serverArguments(ports, where, setup)
  const endpoint = `http://${LOOPBACK}:${ports.iamS3}`
  const client = s3Client(endpoint, admin)
  let running: Running | undefined
  async function start() {
    running = processes.start(path, line, weedEnvironment(admin, undefined))
    await Promise.race([
      until(`${name} serves`, () => client.send(new ListBucketsCommand())),
      running.ended
    ])
  }
  await start()
  return {
    endpoint,
    admin,
    client,
    start,
    async stop() {
      await running?.stop('SIGKILL')
    }
  }
}
