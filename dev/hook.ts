import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pretty from 'pino-pretty'
import type { SeaweedFs } from './seaweedfs.ts'

const READY_TIMEOUT_MS = 20_000

/** The service itself, as its own process with its own environment. */
export interface Hook {
  readonly url: string
  readonly token: string
  /** Resolves when the process ends, with its exit code. */
  readonly ended: Promise<number | null>
  stop(): Promise<void>
}

/** @throws Error when the process ends before it is ready; it has said why by then */
export async function startHook(seaweedFs: SeaweedFs, port: number): Promise<Hook> {
  const token = randomBytes(16).toString('hex')
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../src/main.ts', import.meta.url))],
    {
      env: {
        ...process.env,
        HOST: '127.0.0.1',
        PORT: String(port),
        HOOK_AUTH: 'token',
        HOOK_TOKEN: token,
        CREDENTIAL_ROOT_KEY: randomBytes(32).toString('hex'),
        AWS_ENDPOINT_URL_S3: seaweedFs.s3Endpoint,
        AWS_ENDPOINT_URL_IAM: seaweedFs.iamEndpoint,
        AWS_ACCESS_KEY_ID: seaweedFs.admin.accessKeyId,
        AWS_SECRET_ACCESS_KEY: seaweedFs.admin.secretAccessKey
      },
      stdio: ['ignore', 'pipe', 'inherit']
    }
  )
  child.stdout?.pipe(
    pretty({
      ignore: 'pid,hostname,reqId,req,res,responseTime,signal',
      messageFormat: '{msg} {step}',
      hideObject: true,
      translateTime: 'SYS:HH:MM:ss'
    })
  )
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  // Whatever ends this process, nothing of it is left running.
  const killAtExit = () => child.kill('SIGKILL')
  process.once('exit', killAtExit)
  child.once('exit', () => process.off('exit', killAtExit))
  const url = `http://127.0.0.1:${port}`
  const stop = () => stopHook(child, ended)
  const early = ended.then(() => {
    throw new Error('The hook ended before it was ready')
  })
  early.catch(() => {})
  try {
    await Promise.race([waitUntilReady(url), early])
  } catch (error) {
    await stop()
    throw error
  }
  return { url, token, ended, stop }
}

async function stopHook(child: ChildProcess, ended: Promise<number | null>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
  await ended
}

async function waitUntilReady(url: string): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS
  for (;;) {
    const response = await fetch(`${url}/readyz`).catch(() => undefined)
    if (response?.ok) return
    if (performance.now() > deadline) {
      const reason = response
        ? ((await response.json()) as { message: string }).message
        : 'no answer'
      throw new Error(`The hook is not ready after ${READY_TIMEOUT_MS / 1000} s: ${reason}`)
    }
    await pause(100)
  }
}
