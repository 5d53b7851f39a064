import type { FilerSettings, FilerTls } from '../config.ts'
import { STANDALONE_IAM_PORT } from '../desired/known-holes.ts'
import { IAM_CONTENT, sendChangeOfNothing } from './endpoint-checks.ts'
import { buildGrpcChannel, type GrpcChannel } from './grpc-channel.ts'

interface FilerConfiguration {
  readonly masters: readonly string[]
  readonly filerGroup: string
}
interface ClusterNodes {
  readonly clusterNodes: readonly { readonly address: string }[]
}

/** Of each question to somebody who may not exist. */
const PATIENCE_MS = 1_000

/** Of the S3 port, from its gRPC port, which is all that a gateway registers with. */
const GRPC_OFFSET = 10_000

/**
 * The addresses where identities can be written over HTTP beside the filer's service: of the gateways that have
 * registered at a master, of ours, and of the IAM server on its usual port beside each. Others may exist: a gateway
 * that does not register, other ports, an address that this pod may not reach.
 */
export async function findOtherWriters(
  settings: FilerSettings,
  filer: GrpcChannel
): Promise<string[]> {
  const gateways = await registeredGateways(filer, settings.filer.tls)
  const own = new URL(settings.s3Endpoint)
  const hosts = [own.hostname, settings.filer.address.replace(/:\d+$/, '')]
  for (const gateway of gateways) hosts.push(new URL(gateway).hostname)
  const standalone = hosts.map((host) => `http://${host}:${STANDALONE_IAM_PORT}`)
  const places = [...new Set([own.origin, ...gateways, ...standalone])]
  const found = await Promise.all(places.map((place) => writerAt(place, settings)))
  return found.filter((place) => place !== undefined)
}

async function registeredGateways(filer: GrpcChannel, tls: FilerTls): Promise<string[]> {
  const method = 'filer_pb.SeaweedFiler/GetFilerConfiguration'
  const none: FilerConfiguration = { masters: [], filerGroup: '' }
  const { masters, filerGroup } = await filer
    .call<FilerConfiguration>(method, {}, soon())
    .catch(() => none)
  const nodes = await Promise.all(
    masters.map(async (master) => {
      const channel = buildGrpcChannel(grpcAddress(master), tls)
      const request = { clientType: 's3', filerGroup }
      const { clusterNodes } = await channel
        .call<ClusterNodes>('master_pb.Seaweed/ListClusterNodes', request, soon())
        .catch((): ClusterNodes => ({ clusterNodes: [] }))
      channel.close()
      return clusterNodes
    })
  )
  const urls = nodes.flat().map(({ address }) => gatewayUrl(address))
  return urls.filter((url) => URL.canParse(url))
}

/** The address, if it is one of a writer, with the scheme that it speaks. */
async function writerAt(url: string, settings: FilerSettings): Promise<string | undefined> {
  try {
    const { status, code, body } = await sendChangeOfNothing(url, settings, soon())
    if (code === '' && status === 400 && /HTTPS/.test(body) && url.startsWith('http:')) {
      return writerAt(url.replace('http:', 'https:'), settings)
    }
    // The server of its own is always writable, to whoever has a key that it knows.
    const isStandalone = url.endsWith(`:${STANDALONE_IAM_PORT}`) && code !== ''
    return code === IAM_CONTENT || isStandalone ? url : undefined
  } catch {
    return undefined
  }
}

function soon(): AbortSignal {
  return AbortSignal.timeout(PATIENCE_MS)
}

/** From `host:9333.19333`, as SeaweedFS writes both ports of a server; without the second it is 10000 higher. */
function grpcAddress(address: string): string {
  const [, host, port, grpcPort] = /^(.*):(\d+)(?:\.(\d+))?$/.exec(address) ?? []
  return `${host}:${grpcPort ?? Number(port) + GRPC_OFFSET}`
}

function gatewayUrl(grpcAddress: string): string {
  const [, host, port] = /^(.*):(\d+)$/.exec(grpcAddress) ?? []
  return `http://${host}:${Number(port) - GRPC_OFFSET}`
}
