import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { freePorts } from '../../dev/free-ports.ts'
import { ensureWeed, findWeedOnPath } from '../../dev/weed-binary.ts'
import { bundledMain } from '../fixtures/bundled.ts'
import type { Rendered } from './rendered.ts'
import {
  type Container,
  configMapsOf,
  environmentOf,
  expand,
  filesOf,
  type Pod,
  type Probe,
  podsOf,
  type Service,
  servicesOf,
  type Values
} from './rendered-pods.ts'

const LOOPBACK = '127.0.0.1'
/** Where the image has `src`, too. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PATIENCE_MS = 90_000

type Kind = 'startupProbe' | 'readinessProbe' | 'livenessProbe'

/** A container of rendered manifests, as a process of this machine. */
export interface RunningContainer {
  readonly pod: string
  readonly name: string
  /** The line as it was run, for those who want to see what became of it. */
  readonly line: readonly string[]
  readonly pid: number
  /** The ports of the YAML that it may listen on, as they are on this machine. */
  readonly declaredPorts: readonly number[]
  /** What it and its probes have printed so far. */
  log(): string
  /** Whether the probe says yes, asked once as the kubelet would ask. */
  passes(kind: Kind): Promise<boolean>
  start(): void
  /** Resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface RunningPods {
  readonly containers: readonly RunningContainer[]
  container(pod: string, name: string): RunningContainer
  /** `host:port` on this machine of a port of a Service. */
  address(service: string, port: number): string
  /** The same of a port inside a pod, whether something listens there or not. */
  podAddress(pod: string, port: number): string
  /** Resolves when every container with such a probe has passed it. */
  until(kind: Kind, of?: readonly RunningContainer[]): Promise<void>
}

/**
 * Runs containers by their own command, arguments and environment. What must differ on one machine is translated here
 * and nowhere else: ports become free ones of the loopback, names of Services and pods become 127.0.0.1, mounted paths
 * become folders, /usr/bin/weed becomes the `weed` of this machine, and dist/main.js a bundle made for it. NetworkPolicies and security contexts have no effect.
 */
export async function runRendered(
  t: Test,
  objects: readonly Rendered[],
  secrets: Values,
  wanted: (pod: Pod) => boolean = () => true
): Promise<RunningPods> {
  const folder = mkdtempSync(join(tmpdir(), 'rendered-'))
  const pods = podsOf(objects).filter(wanted)
  const services = servicesOf(objects)
  const network = await networkOf(pods, services)
  const { path: weed } = (await findWeedOnPath('4.48')) ?? (await ensureWeed('4.48', t.comment))
  const main = await bundledMain()
  const values = { secrets, configMaps: configMapsOf(objects) }
  const containers = pods.flatMap((pod) => {
    const folders = volumesOf(pod, join(folder, pod.name), values)
    return pod.containers.map((container) =>
      containerOf(pod, container, { network, folders, weed, main, values })
    )
  })
  t.teardown(async () => {
    await Promise.all(containers.map((container) => container.stop('SIGKILL')))
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  })
  for (const container of containers) container.start()
  return {
    containers,
    container(pod, name) {
      const found = containers.find((one) => one.pod === pod && one.name === name)
      if (found === undefined) throw new Error(`No container ${name} in ${pod}`)
      return found
    },
    address: (service, port) => network.serviceAddress(service, port),
    podAddress: (pod, port) => `${LOOPBACK}:${network.podPort(pod, port)}`,
    async until(kind, of = containers) {
      await Promise.all(of.map((container) => untilPasses(container, kind)))
    }
  }
}

/** Which loopback port stands for which port of which pod. */
interface Network {
  podPort(pod: string, port: number): number
  serviceAddress(service: string, port: number): string
  /** The text with every address and every port flag of it as they are on this machine. */
  translate(text: string, pod: Pod): string
}

async function networkOf(pods: readonly Pod[], services: readonly Service[]): Promise<Network> {
  const wanted = pods.flatMap((pod) => portsOf(pod).map((port) => `${pod.name}:${port}`))
  const free = await freePorts(wanted.length)
  const ports = new Map(wanted.map((name, index) => [name, free[index] as number]))

  function podPort(pod: string, port: number): number {
    const mapped = ports.get(`${pod}:${port}`)
    if (mapped === undefined) throw new Error(`${pod} says nothing of a port ${port}`)
    return mapped
  }

  function servicePort(name: string, port: number): number {
    const service = services.find((one) => one.name === name)
    const offered = service?.ports.find((one) => one.port === port)
    const pod = pods.find(({ labels }) => service && isSelected(service, labels))
    if (!offered || !pod) throw new Error(`Nothing behind port ${port} of Service ${name}`)
    return podPort(pod.name, portNumber(pod, offered.targetPort ?? port))
  }

  function translate(text: string, pod: Pod): string {
    const flag = /^(-[a-zA-Z0-9.]*[pP]ort(?:\.[a-z]+)*=)([1-9][0-9]*)$/.exec(text)
    if (flag) return `${flag[1]}${podPort(pod.name, Number(flag[2]))}`
    if (/^-ip(\.bind)?=/.test(text)) return text.replace(/=.*/, `=${LOOPBACK}`)
    // host:port, or host:port.grpcPort, at the start of a value or of a URL.
    return text.replace(
      /(?<=^|[=/,])([a-z][a-z0-9.-]*|127\.0\.0\.1):([0-9]+)(?:\.([0-9]+))?/g,
      (_, host: string, port: string, grpcPort?: string) => {
        const onLoopback = (number: string) =>
          host === LOOPBACK || host === 'localhost'
            ? podPort(pod.name, Number(number))
            : servicePort(
                host.replace(/\.kubeflow(\.svc(\.cluster\.local)?)?$/, ''),
                Number(number)
              )
        const grpc = grpcPort === undefined ? '' : `.${onLoopback(grpcPort)}`
        return `${LOOPBACK}:${onLoopback(port)}${grpc}`
      }
    )
  }

  return {
    podPort,
    serviceAddress: (name, port) => `${LOOPBACK}:${servicePort(name, port)}`,
    translate
  }
}

/** Those it declares, and those its flags name. */
function portsOf({ containers }: Pod): number[] {
  const declared = containers.flatMap(({ ports = [] }) => ports.map((port) => port.containerPort))
  const flags = containers.flatMap(({ args = [] }) =>
    args.map((text) => Number(/[pP]ort(?:\.[a-z]+)*=([1-9][0-9]*)$/.exec(text)?.[1] ?? 0))
  )
  return [...new Set([...declared, ...flags])].filter((port) => port > 0)
}

function portNumber({ containers }: Pod, port: number | string): number {
  if (typeof port === 'number') return port
  const all = containers.flatMap(({ ports = [] }) => ports)
  const found = all.find(({ name }) => name === port)
  if (found === undefined) throw new Error(`No port ${port}`)
  return found.containerPort
}

function isSelected({ selector }: Service, labels: Pod['labels']): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value)
}

interface Machine {
  readonly network: Network
  /** Folder on this machine by name of the volume. */
  readonly folders: ReadonlyMap<string, string>
  readonly main: string
  readonly weed: string
  readonly values: { readonly secrets: Values; readonly configMaps: Values }
}

function volumesOf(pod: Pod, folder: string, values: Machine['values']): Map<string, string> {
  const folders = new Map<string, string>()
  const mounted = pod.containers.flatMap(({ volumeMounts = [] }) => volumeMounts)
  for (const { name } of mounted) {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    folders.set(name, path)
    const volume = pod.volumes.find((volume) => volume.name === name)
    const files = volume ? filesOf(volume, values.secrets, values.configMaps) : {}
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
  }
  return folders
}

function containerOf(pod: Pod, container: Container, machine: Machine): RunningContainer {
  const { network, folders, weed, main, values } = machine
  const given = environmentOf(container, pod, values.secrets, values.configMaps)
  const mounts = (container.volumeMounts ?? []).toSorted(
    (a, b) => b.mountPath.length - a.mountPath.length
  )
  const translate = (text: string) => {
    if (text === '/usr/bin/weed') return weed
    if (text === 'dist/main.js') return main
    const mount = mounts.find(({ mountPath }) => new RegExp(`(^|=)${mountPath}(/|$)`).test(text))
    const local = mount && text.replace(mount.mountPath, folders.get(mount.name) ?? '')
    return local ?? network.translate(text, pod)
  }
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    // The hook's port is that of its image, and no flag that could be translated.
    ...(container.command[0] === 'node' && {
      HOST: LOOPBACK,
      PORT: String(network.podPort(pod.name, 8080))
    }),
    ...Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, translate(value)] as const)
    )
  }
  const lineOf = (words: readonly string[]) => words.map((word) => translate(expand(word, given)))
  const line = lineOf([...container.command, ...(container.args ?? [])])
  let child: ChildProcess | undefined
  let text = ''

  async function passes(probe: Probe | undefined): Promise<boolean> {
    if (probe?.exec) {
      const { succeeds, output } = await runOnce(lineOf(probe.exec.command), env)
      text += output
      return succeeds
    }
    const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port
    if (port === undefined) return true
    const local = network.podPort(pod.name, portNumber(pod, port))
    if (probe?.tcpSocket) return accepts(local)
    return answersWell(probe?.httpGet?.scheme, local, probe?.httpGet?.path)
  }

  return {
    pod: pod.name,
    name: container.name,
    line,
    get pid() {
      return child?.pid ?? 0
    },
    declaredPorts: (container.ports ?? []).map(({ containerPort }) =>
      network.podPort(pod.name, containerPort)
    ),
    log: () => text,
    passes: (kind) => passes(container[kind]),
    start() {
      const [command = '', ...words] = line
      child = spawn(command, words, { env, cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
      for (const stream of [child.stdout, child.stderr]) {
        stream?.on('data', (chunk: Buffer) => {
          text += chunk
        })
      }
    },
    async stop(signal = 'SIGTERM') {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child?.once('exit', resolve))
      child.kill(signal)
      await ended
    }
  }
}

async function untilPasses(container: RunningContainer, kind: Kind): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await container.passes(kind))) {
    if (performance.now() > deadline) {
      const tail = container.log().split('\n').slice(-15).join('\n')
      throw new Error(`${container.name} of ${container.pod} never passed its ${kind}:\n${tail}`)
    }
    await pause(200)
  }
}

/** As the kubelet does it: exit code 0 means yes. */
function runOnce([command = '', ...words]: string[], env: Record<string, string>) {
  return new Promise<{ succeeds: boolean; output: string }>((resolve) => {
    execFile(command, words, { env }, (error, stdout, stderr) =>
      resolve({ succeeds: error === null, output: stdout + stderr })
    )
  })
}

/** Whom the certificate names is no matter to the kubelet. */
function answersWell(scheme = 'HTTP', port: number, path = '/'): Promise<boolean> {
  const get = scheme === 'HTTPS' ? https.get : http.get
  return new Promise((resolve) => {
    get({ host: LOOPBACK, port, path, rejectUnauthorized: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    }).once('error', () => resolve(false))
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, LOOPBACK)
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
