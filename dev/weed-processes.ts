import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { choosePorts } from './free-ports.ts'
import { waitUntilServing } from './readiness.ts'
import type { SeaweedFsSetup, StartedSeaweedFs } from './seaweedfs.ts'
import type { Weed } from './weed-binary.ts'
import {
  gatewayArguments,
  securityFiles,
  serverArguments,
  type WeedPorts
} from './weed-command-lines.ts'

const LOOPBACK = '127.0.0.1'

/** @throws Error when a given port is taken or a process ends before it serves */
export async function startAsProcesses(
  weed: Weed,
  setup: SeaweedFsSetup
): Promise<StartedSeaweedFs> {
  const { admin, version, standaloneIam, topology, onProgress = () => {} } = setup
  const isSingle = topology === 'single-gateway'
  const ports = await choosePorts(setup)
  const folder = await mkdtemp(join(tmpdir(), 'seaweedfs-'))
  for (const { path, content } of securityFiles(setup, folder)) await writeFile(path, content)
  const where = { folder, ip: LOOPBACK, bind: LOOPBACK }
  const lines = [
    serverArguments(ports, where, setup),
    ...(isSingle ? [] : [gatewayArguments(ports, { filerHost: LOOPBACK, bind: LOOPBACK }, version)])
  ]
  let processes: WeedProcess[] = []
  // Whatever ends this process, nothing of it is left running.
  const killAtExit = () => {
    for (const { child } of processes) child.kill('SIGKILL')
    // They may write for a moment yet.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
    removeSockets(ports)
  }
  process.once('exit', killAtExit)

  async function start() {
    onProgress(`starting ${weed.origin}`)
    processes = lines.map((line) => spawnWeed(weed, line, folder, setup.environment))
    const endedEarly = Promise.race(processes.map(({ ended }) => ended))
    endedEarly.catch(() => {})
    const over = new AbortController()
    try {
      await Promise.race([waitUntilServing(seaweedFs, onProgress, over.signal), endedEarly])
    } catch (error) {
      await killProcesses()
      throw error
    } finally {
      over.abort()
    }
  }

  async function killProcesses() {
    await Promise.all(processes.map(killProcess))
    processes = []
  }

  const endpoint = (port: number) => `http://${LOOPBACK}:${port}`
  const seaweedFs: StartedSeaweedFs = {
    description: weed.origin,
    s3Endpoint: endpoint(isSingle ? ports.iamS3 : ports.gateway),
    internalS3Endpoint: endpoint(ports.iamS3),
    iamEndpoint: endpoint(isSingle ? ports.standaloneIam : ports.iamS3),
    standaloneIamEndpoint: standaloneIam ? endpoint(ports.standaloneIam) : undefined,
    identityApi: setup.identityApi,
    filerGrpc: { address: `${LOOPBACK}:${ports.filerGrpc}`, signingKey: setup.signingKey },
    sideDoors: {
      filer: endpoint(ports.filer),
      master: endpoint(ports.master),
      volume: endpoint(ports.volume)
    },
    admin,
    kill: killProcesses,
    start,
    async stop() {
      await killProcesses()
      await rm(folder, { recursive: true, force: true })
      removeSockets(ports)
      process.off('exit', killAtExit)
    }
  }
  try {
    await start()
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return seaweedFs
}

interface WeedProcess {
  readonly child: ChildProcess
  /** Rejects when the process ends by itself. */
  readonly ended: Promise<never>
}

function spawnWeed(
  weed: Weed,
  line: string[],
  cwd: string,
  environment: SeaweedFsSetup['environment']
): WeedProcess {
  const child = spawn(weed.path, line, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let tail = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    tail = (tail + chunk).slice(-2000)
  })
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', () => {
      const lines = tail.trim().split('\n')
      // The line of a fatal error, if there is one: a stack follows it.
      const reason = lines.find((text) => /^F\d|^panic/.test(text)) ?? lines.at(-1)
      reject(new Error(`weed ${line[0]} ended before it served: ${reason}`))
    })
  })
  // Somebody who still waits hears of it; after that nobody needs to.
  ended.catch(() => {})
  return { child, ended }
}

/** Without ceremony: a graceful end takes up to 15 s, and the store must survive this anyway. */
async function killProcess({ child }: WeedProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}

/** A killed weed leaves its Unix sockets behind. */
function removeSockets({ masterGrpc, volumeGrpc, filer, filerGrpc, ...s3 }: WeedPorts): void {
  const names = [
    `master-grpc-${masterGrpc}`,
    `volume-grpc-${volumeGrpc}`,
    `filer-${filer}`,
    `filer-grpc-${filerGrpc}`,
    ...[s3.iamS3, s3.gateway].map((port) => `s3-${port}`),
    ...[s3.iamS3Grpc, s3.gatewayGrpc].map((port) => `s3-grpc-${port}`)
  ]
  for (const name of names) rmSync(join(tmpdir(), `seaweedfs-${name}.sock`), { force: true })
}
