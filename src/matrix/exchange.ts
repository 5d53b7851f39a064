import { Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AccessKey } from '../desired/credentials.ts'
import { type Answer, queryText, type Request, type Signing } from './request.ts'
import { sign } from './signing.ts'

/** Sends a request, signed in the given way, and gives the answer whatever it says. */
export type Exchange = (request: Request, signing: Signing, key: AccessKey) => Promise<Answer>

const TIMEOUT_MS = 15_000

/** @throws Error when there is no answer at all */
export function buildExchange(
  endpoint: string,
  region: string,
  service: 's3' | 'iam',
  signal?: AbortSignal,
  timeoutMs = TIMEOUT_MS
): Exchange {
  const { protocol, hostname, port, host } = new URL(endpoint)
  const isTls = protocol === 'https:'
  const agent = isTls ? undefined : new Agent({ keepAlive: true, maxSockets: 1 })
  const start = isTls ? httpsRequest : httpRequest

  return async (request, signing, key) => {
    const signed = await sign(withHost(request, host), signing, key, region, service)
    const query = queryText(signed.query)
    const answer = await new Promise<Answer>((resolve, reject) => {
      const outgoing = start(
        {
          hostname,
          port,
          ...(agent && { agent }),
          method: signed.method,
          path: signed.path + (query && `?${query}`),
          headers: { ...signed.headers, 'content-length': Buffer.byteLength(signed.body) },
          timeout: timeoutMs,
          ...(signal && { signal })
        },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', reject)
          incoming.on('end', () =>
            resolve({
              status: incoming.statusCode as number,
              headers: Object.fromEntries(
                Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])
              ),
              body: Buffer.concat(chunks).toString()
            })
          )
        }
      )
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')))
      outgoing.on('error', reject)
      outgoing.end(signed.body)
    })
    return answer
  }
}

function withHost(request: Request, host: string): Request {
  return { ...request, headers: { host, ...request.headers } }
}
