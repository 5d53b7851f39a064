import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** The last one is tap's, when time is up. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGALRM'] as const

/** Processes and a folder for their data and logs; nothing of it outlives the test, however that ends. */
export interface Processes {
  readonly folder: string
  start(program: string, line: string[], environment?: Record<string, string>): Running
  stop(): Promise<void>
}

export interface Running {
  /** Rejects when the process ends by itself, with its last words. */
  readonly ended: Promise<never>
  /** The log up to now. */
  log(): string
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** The processes end in the opposite order of their start. */
export function newProcesses(): Processes {
  const folder = mkdtempSync(join(tmpdir(), 'cluster-'))
  const logs = logFolder(folder)
  const started: (Running & { readonly child: ChildProcess })[] = []
  const killNow = () => {
    for (const { child } of started) child.kill('SIGKILL')
    // They may write for a moment yet.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }
  const onSignal = (signal: NodeJS.Signals) => {
    forgetTheEnd()
    killNow()
    process.kill(process.pid, signal)
  }
  const forgetTheEnd = () => {
    process.off('exit', killNow)
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
  process.once('exit', killNow)
  for (const signal of SIGNALS) process.once(signal, onSignal)
  return {
    folder,
    start(program, line, environment = {}) {
      const log = join(logs, `${started.length}-${basename(program)}.log`)
      const running = startProcess(program, line, environment, log)
      started.push(running)
      return running
    },
    async stop() {
      for (const running of [...started].reverse()) await running.stop('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
      forgetTheEnd()
    }
  }
}

/** Where CLUSTER_LOGS says, for whoever wants to read them afterwards. */
function logFolder(folder: string): string {
  const { CLUSTER_LOGS } = process.env
  if (!CLUSTER_LOGS) return folder
  const kept = join(CLUSTER_LOGS, basename(folder))
  mkdirSync(kept, { recursive: true })
  return kept
}

function startProcess(
  program: string,
  line: string[],
  environment: Record<string, string>,
  logFile: string
) {
  const output = openSync(logFile, 'a')
  const child = spawn(program, line, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', output, output]
  })
  closeSync(output)
  const log = () => readFileSync(logFile, 'utf8')
  let isStopping = false
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      if (isStopping) return
      const words = log().trim().slice(-2000)
      reject(new Error(`${program} ended by itself (${code ?? signal}): ${words}`))
    })
  })
  // Whoever waits hears of it; nobody has to.
  ended.catch(() => {})
  async function stop(signal: NodeJS.Signals = 'SIGTERM') {
    isStopping = true
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    child.kill(signal)
    await exited
  }
  return { child, ended, log, stop }
}
