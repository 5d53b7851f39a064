import { execFile } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../../dev/free-ports.ts'
import { FAILED } from '../../src/commands/exit-codes.ts'
import { environment as smallestEnvironment } from '../fixtures/builders.ts'
import type { Platform } from './platform.ts'
import type { Running } from './processes.ts'
import { until } from './until.ts'

/** Long enough for Metacontroller to have all of its ten calls in a row at hand again, at five a second. */
const QUIET_MS = 2_000
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Our service as its own process, which can die and come back. */
export interface Service {
  /** As Metacontroller calls it. */
  readonly url: string
  start(): Promise<void>
  /** With `SIGKILL` it dies in the middle of whatever it does. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** The sum of a metric over its labels, or over those that have this one. */
  metric(name: string, label?: string): Promise<number>
  /** Runs one of its commands with that list of the cluster, as in its pod. */
  command(name: string, list: string): Promise<Outcome>
  /** Resolves when Metacontroller has not called for a while. */
  untilQuiet(): Promise<void>
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
}

export async function startService(
  { cluster, seaweedFs }: Platform,
  overrides: Record<string, string> = {}
): Promise<Service> {
  const [port = 0] = await freePorts(1)
  const own = `http://127.0.0.1:${port}`
  const environment = smallestEnvironment({
    HOST: cluster.thisMachine.listen,
    PORT: String(port),
    AWS_ENDPOINT_URL_S3: seaweedFs.s3Endpoint,
    AWS_ENDPOINT_URL_IAM: seaweedFs.iamEndpoint,
    AWS_ACCESS_KEY_ID: seaweedFs.admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: seaweedFs.admin.secretAccessKey,
    ...overrides
  })
  let running: Running

  async function start() {
    running = cluster.processes.start(process.execPath, [MAIN], environment)
    const ready = until('our service is ready', async () => (await fetch(`${own}/readyz`)).ok)
    await Promise.race([ready, running.ended])
  }

  async function metric(name: string, label = '') {
    const text = await (await fetch(`${own}/metrics`)).text()
    const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes(label))
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  await start()
  return {
    url: `http://${cluster.thisMachine.call}:${port}`,
    start,
    stop: (signal) => running.stop(signal),
    metric,
    command: (name, list) => runCommand([MAIN, name], { ...process.env, ...environment }, list),
    async untilQuiet() {
      let calls = Number.NaN
      await until('Metacontroller is quiet', async () => {
        const before = calls
        calls = await metric('s3p_hook_seconds_count')
        if (calls === before) return true
        await pause(QUIET_MS)
        return false
      })
    }
  }
}

function runCommand(line: string[], env: NodeJS.ProcessEnv, input: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, line, { env }, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') reject(error)
      else if (error?.code === FAILED) reject(new Error(stderr))
      else resolve({ code: Number(error?.code ?? 0), stdout })
    })
    child.stdin?.end(input)
  })
}
