import { createServer } from 'node:net'
import type { SeaweedFsOptions } from './seaweedfs.ts'
import type { WeedPorts } from './weed-command-lines.ts'

const LOOPBACK = '127.0.0.1'
/**
 * Below the ports that the system itself gives away, to connections, too: between the choice and the use of one
 * nobody else may get it. Each of tap's jobs has a block of its own.
 */
const FIRST_PORT = 10_000
const BLOCK_SIZE = 1_000
const BLOCKS = 10
const { TAP_JOB_ID = process.pid } = process.env
const block = FIRST_PORT + (Number(TAP_JOB_ID) % BLOCKS) * BLOCK_SIZE
let turn = Math.floor(Math.random() * BLOCK_SIZE)

/**
 * Free ones, but for those that the options name.
 *
 * @throws Error when a port that the options name is taken
 */
export async function choosePorts({ s3Port, iamPort }: SeaweedFsOptions): Promise<WeedPorts> {
  for (const port of [s3Port, iamPort]) {
    if (port !== undefined && !(await isFree(port))) {
      throw new Error(`Port ${port} is already in use`)
    }
  }
  // Where it is if nobody says otherwise: a gateway is known to others by this one alone.
  const iamGrpc = iamPort === undefined || iamPort > 55_000 ? undefined : iamPort + 10_000
  const given = [s3Port, iamPort, iamGrpc]
  const free = (await freePorts(11 + given.length)).filter((port) => !given.includes(port))
  const next = () => free.pop() as number
  return {
    master: next(),
    masterGrpc: next(),
    volume: next(),
    volumeGrpc: next(),
    filer: next(),
    filerGrpc: next(),
    iamS3: iamPort ?? next(),
    iamS3Grpc: iamGrpc ?? next(),
    standaloneIam: next(),
    gateway: s3Port ?? next(),
    gatewayGrpc: next()
  }
}

/**
 * Ports of the loopback on which nobody listens. This process is given none of them again before it has been
 * through its block.
 *
 * @throws Error when there are not so many
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = []
  for (let tried = 0; found.length < count; tried++) {
    if (tried === BLOCK_SIZE) throw new Error(`No ${count} free ports from ${block} on`)
    const port = block + (turn++ % BLOCK_SIZE)
    if (await isFree(port)) found.push(port)
  }
  return found
}

/** Whether nobody listens on this port of the loopback. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)))
  })
}
