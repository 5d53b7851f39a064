import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { freePorts } from '../dev/free-ports.ts'
import { bundled } from './bundled.ts'
import { type Usage, usageOf } from './process-usage.ts'
import type { Store } from './store.ts'

/** A hook under measurement, ours or another, as a process of its own whose log nobody reads. */
export interface HookProcess {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly pid: number
  /** From the start of the process until it answered as ready. */
  readonly startMs: number
  usage(): Usage
  stop(): Promise<void>
}

export interface HookCommand {
  readonly program: string
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** Whether it can do its work; asked every few milliseconds. */
  isReady(url: string): Promise<boolean>
}

const START_LIMIT_MS = 30_000
const ASK_EVERY_MS = 3
const END_LIMIT_MS = 5_000

export async function startHook(command: (port: number) => HookCommand): Promise<HookProcess> {
  const [port = 0] = await freePorts(1)
  const { program, arguments: words, environment, headers = {}, isReady } = command(port)
  const startedAt = performance.now()
  const child = spawn(program, words, {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    stdio: 'ignore'
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const url = `http://127.0.0.1:${port}`
  while (!(await isReady(url).catch(() => false))) {
    if (child.exitCode !== null) throw new Error(`${words.join(' ')} ended before it was ready`)
    if (performance.now() - startedAt > START_LIMIT_MS) {
      kill()
      throw new Error(`${words.join(' ')} is not ready after ${START_LIMIT_MS / 1000} s`)
    }
    await pause(ASK_EVERY_MS)
  }
  const pid = child.pid as number
  return {
    url,
    headers: { 'content-type': 'application/json', ...headers },
    pid,
    startMs: performance.now() - startedAt,
    usage: () => usageOf([pid]),
    async stop() {
      process.off('exit', kill)
      await end(child)
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  // Politely, because a process that is killed leaves nothing in Node's cache of compiled code.
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS)
  await exited
  clearTimeout(impatience)
}

/** That of the webhooks in our manifests. */
export const OUR_TIMEOUT_MS = 30_000

/** What our service is told of the store and of its keys, in the environment of its image. */
export function ourEnvironment(store: Store): Record<string, string> {
  return {
    NODE_ENV: 'production',
    // The first is the image's. The second is what Node takes in a pod with the 512 MiB of our manifest.
    NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=256',
    HOST: '127.0.0.1',
    CREDENTIAL_ROOT_KEY: 'root-key-of-the-benchmarks-32-bytes-or-more',
    AUDIT_INTERVAL: '0s',
    ...store.settings
  }
}

/** This service, as its image runs it. */
export async function startOurs(
  store: Store,
  environment: Readonly<Record<string, string>> = {}
): Promise<HookProcess> {
  const token = randomBytes(16).toString('hex')
  const { main, compileCache } = await bundled()
  return startHook((port) => ({
    program: process.execPath,
    arguments: [main],
    environment: {
      ...ourEnvironment(store),
      PORT: String(port),
      HOOK_TOKEN: token,
      NODE_COMPILE_CACHE: compileCache,
      ...environment
    },
    headers: { authorization: `Bearer ${token}` },
    isReady: async (url) => (await fetch(`${url}/readyz`)).ok
  }))
}
