import { spawnSync } from 'node:child_process'
import type { ContainerRuntimeClient, StartedNetwork } from 'testcontainers'
import { forgoReaperIfMissing, hasImage } from './docker-images.ts'
import { choosePorts } from './free-ports.ts'
import { waitUntilServing } from './readiness.ts'
import type { SeaweedFsSetup, StartedSeaweedFs } from './seaweedfs.ts'
import {
  gatewayArguments,
  securityFiles,
  serverArguments,
  type WeedPorts
} from './weed-command-lines.ts'

type Docker = ContainerRuntimeClient['container']['dockerode']
type Container = ReturnType<Docker['getContainer']>

const SERVER = 'seaweedfs'
const ANY_ADDRESS = '0.0.0.0'
const DATA_FOLDER = '/data'
/** Marks the containers of one SeaweedFS with the name of its network. */
const LABEL = 's3-profile-controller.network'

/** Inside a container nobody else wants a port. */
const PORTS: WeedPorts = {
  master: 9333,
  masterGrpc: 19333,
  volume: 8080,
  volumeGrpc: 18080,
  filer: 8888,
  filerGrpc: 18888,
  iamS3: 8333,
  iamS3Grpc: 18333,
  standaloneIam: 8111,
  gateway: 8334,
  gatewayGrpc: 18334
}

/**
 * Gives `undefined` when there is no Docker engine, or none that has or can pull SeaweedFS.
 * @throws Error when a given port is taken or a container ends before it serves
 */
export async function startInContainers(
  setup: SeaweedFsSetup
): Promise<StartedSeaweedFs | undefined> {
  // Loaded here, because it takes half a second that the binary need not pay.
  const { getContainerRuntimeClient, Network } = await import('testcontainers')
  const client = await getContainerRuntimeClient().catch(() => undefined)
  const { version, onProgress = () => {} } = setup
  const image = `ghcr.io/chrislusf/seaweedfs:${version}`
  if (client === undefined || !(await hasImage(client, image, onProgress))) return undefined
  await forgoReaperIfMissing(client)

  const network = await new Network().start()
  const removeAtExit = () => removeNow(network)
  process.once('exit', removeAtExit)
  async function stop() {
    await remove(client as ContainerRuntimeClient, network)
    process.off('exit', removeAtExit)
  }
  try {
    onProgress(`starting SeaweedFS ${version} in Docker`)
    const { seaweedFs, serving } = await startOn(client, network, image, setup)
    await serving()
    return { ...seaweedFs, stop }
  } catch (error) {
    const reason = (await lastWords(client, network)) ?? error
    await stop()
    throw reason
  }
}

async function startOn(
  client: ContainerRuntimeClient,
  network: StartedNetwork,
  image: string,
  setup: SeaweedFsSetup
) {
  const { version, admin, standaloneIam, topology, environment, onProgress = () => {} } = setup
  const isSingle = topology === 'single-gateway'
  // Chosen beforehand: a port chosen by Docker would be another one after a restart.
  const ports = await choosePorts(setup)
  const files = securityFiles(setup, DATA_FOLDER)
  const start = (container: Omit<WeedContainer, 'image' | 'environment' | 'files'>) =>
    startContainer(network, { ...container, image, environment, files })
  const where = { folder: DATA_FOLDER, ip: SERVER, bind: ANY_ADDRESS }
  const server = await start({
    alias: SERVER,
    line: serverArguments(PORTS, where, setup),
    published: [
      { container: PORTS.iamS3, host: ports.iamS3 },
      { container: PORTS.filer, host: ports.filer },
      { container: PORTS.filerGrpc, host: ports.filerGrpc },
      { container: PORTS.master, host: ports.master },
      { container: PORTS.volume, host: ports.volume },
      ...(standaloneIam ? [{ container: PORTS.standaloneIam, host: ports.standaloneIam }] : [])
    ]
  })
  const gateway = isSingle
    ? undefined
    : await start({
        alias: 'gateway',
        line: gatewayArguments(PORTS, { filerHost: SERVER, bind: ANY_ADDRESS }, version),
        published: [{ container: PORTS.gateway, host: ports.gateway }]
      })
  const containers = [server, ...(gateway ? [gateway] : [])].map((started) =>
    client.container.getById(started.getId())
  )

  // localhost may mean ::1 first, which Docker does not always publish.
  const host = server.getHost() === 'localhost' ? '127.0.0.1' : server.getHost()
  const endpoint = (port: number) => `http://${host}:${port}`
  const endpoints = {
    s3Endpoint: endpoint(isSingle ? ports.iamS3 : ports.gateway),
    internalS3Endpoint: endpoint(ports.iamS3),
    iamEndpoint: endpoint(isSingle ? ports.standaloneIam : ports.iamS3),
    standaloneIamEndpoint: standaloneIam ? endpoint(ports.standaloneIam) : undefined,
    identityApi: setup.identityApi,
    filerGrpc: { address: `${host}:${ports.filerGrpc}`, signingKey: setup.signingKey },
    sideDoors: {
      filer: endpoint(ports.filer),
      master: endpoint(ports.master),
      volume: endpoint(ports.volume)
    },
    admin
  }
  async function serving() {
    const served = new AbortController()
    const endedEarly = containers.map((container) => endOf(container, served.signal))
    try {
      await Promise.race([waitUntilServing(endpoints, onProgress, served.signal), ...endedEarly])
    } finally {
      served.abort()
    }
  }
  const seaweedFs = {
    ...endpoints,
    description: `SeaweedFS ${version} in Docker`,
    async kill() {
      await Promise.all(containers.map((container) => container.kill()))
      await Promise.all(containers.map((container) => container.wait()))
    },
    async start() {
      onProgress(`starting SeaweedFS ${version} in Docker again`)
      for (const container of containers) await container.start()
      await serving()
    }
  }
  return { seaweedFs, serving }
}

interface WeedContainer {
  readonly image: string
  readonly alias: string
  readonly line: string[]
  readonly environment: SeaweedFsSetup['environment']
  readonly files: ReturnType<typeof securityFiles>
  readonly published: { readonly container: number; readonly host: number }[]
}

async function startContainer(network: StartedNetwork, weed: WeedContainer) {
  const { GenericContainer, Wait } = await import('testcontainers')
  const container = new GenericContainer(weed.image)
    .withEntrypoint(['/usr/bin/weed'])
    .withCommand(weed.line)
    .withEnvironment(weed.environment)
    .withCopyContentToContainer(weed.files.map(({ path, content }) => ({ target: path, content })))
    .withWorkingDir(DATA_FOLDER)
    .withNetwork(network)
    .withNetworkAliases(weed.alias)
    .withLabels({ [LABEL]: network.getName() })
    .withExposedPorts(...weed.published)
    // Nothing to wait for: the default runs a shell inside, and readiness is asked for from outside.
    .withWaitStrategy(Wait.forAll([]))
  try {
    return await container.start()
  } catch (error) {
    const { message } = error as Error
    if (!/already (allocated|in use)/.test(message)) throw error
    const ports = weed.published.map(({ host }) => host).join(' or ')
    throw new Error(`Port ${ports} is already in use`, { cause: error })
  }
}

/** Rejects when the container ends by itself. */
async function endOf(container: Container, abortSignal: AbortSignal): Promise<void> {
  try {
    await container.wait({ abortSignal })
  } catch (error) {
    if (abortSignal.aborted) return
    throw error
  }
  throw new Error('SeaweedFS ended before it served')
}

/** What a container said that ended by itself: a better reason than whatever failed because of it. */
async function lastWords(
  { container: { dockerode } }: ContainerRuntimeClient,
  network: StartedNetwork
): Promise<Error | undefined> {
  const filters = { label: [labelOf(network)], status: ['exited'] }
  const [ended] = await dockerode.listContainers({ all: true, filters })
  if (ended === undefined) return undefined
  const log = await dockerode.getContainer(ended.Id).logs({ stdout: true, stderr: true, tail: 1 })
  // Eight bytes before each line say where it was written and how long it is.
  const line = log.subarray(8).toString('utf8').trim()
  return new Error(`weed ${ended.Command.split(' ')[1]} ended before it served: ${line}`)
}

/** By label, so that a container that never started goes too. */
async function remove(
  { container: { dockerode } }: ContainerRuntimeClient,
  network: StartedNetwork
): Promise<void> {
  const filters = { label: [labelOf(network)] }
  const containers = await dockerode.listContainers({ all: true, filters })
  await Promise.all(
    containers.map(({ Id }) => dockerode.getContainer(Id).remove({ force: true, v: true }))
  )
  await dockerode.getNetwork(network.getId()).remove().catch(ignoreMissing)
}

function ignoreMissing(error: Error & { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error
}

/** A process that is ending can wait for nothing but another process. */
function removeNow(network: StartedNetwork): void {
  const docker = (...line: string[]) => spawnSync('docker', line, { encoding: 'utf8' }).stdout ?? ''
  const filter = `label=${labelOf(network)}`
  const ids = docker('ps', '--all', '--quiet', '--filter', filter).split('\n').filter(Boolean)
  docker('rm', '--force', '--volumes', ...ids)
  docker('network', 'rm', network.getId())
}

function labelOf(network: StartedNetwork): string {
  return `${LABEL}=${network.getName()}`
}
