import { fileURLToPath } from 'node:url'
import type { Client, ServiceError } from '@grpc/grpc-js'
import type { FilerTls } from '../config.ts'
import { NotReady } from '../errors.ts'
import { readTls, type TlsPair } from '../tls.ts'

/** What answers on a gRPC port of SeaweedFS; the connection is made again whenever it is lost. */
export interface GrpcChannel {
  /**
   * One call of `package.Service/Method`.
   * @throws ServiceError as the gRPC library has it, or NotReady when the certificates cannot be used
   */
  call<Answer>(
    method: string,
    request: object,
    signal: AbortSignal,
    token?: string
  ): Promise<Answer>
  /** Afterwards no connection is left open. */
  close(): void
}

const PROTOS = ['iam', 'filer', 'master'].map((name) =>
  fileURLToPath(new URL(`proto/${name}.proto`, import.meta.url))
)
/** A renewed certificate is there weeks before the old one ends. */
const TLS_INTERVAL_MS = 60_000
const OPTIONS = {
  // Of a connection that another channel failed to make nobody says the reason.
  'grpc.use_local_subchannel_pool': 1,
  // All identities of the store come in one message: 5,000 are more than a megabyte.
  'grpc.max_receive_message_length': 256 * 1024 * 1024,
  // The default goes up to two minutes, in which a store that is back is not asked.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 5_000,
  // SeaweedFS takes a ping every 20 s for an attack.
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 10_000
}

/** @param clock monotonic milliseconds */
export function buildGrpcChannel(
  address: string,
  tls: FilerTls,
  clock = () => performance.now()
): GrpcChannel {
  let loading: ReturnType<typeof loadGrpc> | undefined
  let connected: { client: Client; pair: TlsPair | undefined; lookedAt: number } | undefined

  async function connect(): Promise<Client> {
    const { grpc } = await library()
    const isFresh = connected && clock() - connected.lookedAt < TLS_INTERVAL_MS
    if (connected && isFresh) return connected.client
    const lookedAt = clock()
    try {
      const pair = await readPair(tls)
      if (connected === undefined || !isSamePair(connected.pair, pair)) {
        const client = new grpc.Client(address, credentialsFrom(grpc, tls, pair), OPTIONS)
        connected?.client.close()
        connected = { client, pair, lookedAt }
      }
    } catch (error) {
      // Of a pair that is being replaced only one file may be there: it is read again the next time.
      if (connected === undefined) throw error
    }
    connected.lookedAt = lookedAt
    return connected.client
  }

  function library() {
    loading ??= loadGrpc()
    return loading
  }

  return {
    async call<Answer>(method: string, request: object, signal: AbortSignal, token?: string) {
      const [{ grpc, methodOf }, client] = [await library(), await connect()]
      const { path, requestSerialize, responseDeserialize } = methodOf(method)
      const metadata = new grpc.Metadata()
      if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
      return new Promise<Answer>((resolve, reject) => {
        const answered = (error: ServiceError | null, answer?: object) => {
          signal.removeEventListener('abort', cancel)
          if (error) reject(error)
          else resolve(answer as Answer)
        }
        const sent = client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          answered
        )
        const cancel = () => sent.cancel()
        signal.addEventListener('abort', cancel, { once: true })
        if (signal.aborted) cancel()
      })
    },
    close() {
      connected?.client.close()
      connected = undefined
    }
  }
}

async function loadGrpc() {
  const { grpc, load } = await import('./grpc-library.ts')
  const services = grpc.loadPackageDefinition(await load(PROTOS, { defaults: true }))
  return {
    grpc,
    /** @param method such as `iam_pb.SeaweedIdentityAccessManagement/GetUser` */
    methodOf(method: string) {
      const [pack = '', service = '', name = ''] = method.split(/[./]/)
      const found = services[pack] as Record<string, { service: ServiceMethods }>
      return found[service]?.service[name] as ServiceMethods[string]
    }
  }
}

type Grpc = Awaited<ReturnType<typeof loadGrpc>>['grpc']
type ServiceMethods = import('@grpc/grpc-js').ServiceDefinition

async function readPair(tls: FilerTls): Promise<TlsPair | undefined> {
  if (tls === 'off' || tls.client === 'off') return undefined
  return readTls(tls.client).catch(unusable)
}

function isSamePair(a: TlsPair | undefined, b: TlsPair | undefined): boolean {
  return a?.cert === b?.cert && a?.key === b?.key
}

function credentialsFrom({ credentials }: Grpc, tls: FilerTls, pair: TlsPair | undefined) {
  if (tls === 'off') return credentials.createInsecure()
  const ca = Buffer.from(tls.ca)
  if (pair === undefined) return credentials.createSsl(ca)
  try {
    return credentials.createSsl(ca, Buffer.from(pair.key), Buffer.from(pair.cert))
  } catch (error) {
    return unusable(error as Error)
  }
}

function unusable({ message }: Error): never {
  throw new NotReady(`FILER_TLS_CERT_FILE and FILER_TLS_KEY_FILE cannot be used: ${message}`)
}
