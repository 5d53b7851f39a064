import { Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import type { AccessKey } from '../desired/credentials.ts'
import { type Answer, queryText, type Request, type Signing } from './request.ts'
import { sign } from './signing.ts'

/** Sends a request, signed in the given way, and gives the answer whatever it says. */
export type Exchange = (request: Request, signing: Signing, key: AccessKey) => Promise<Answer>

const TIMEOUT_MS = 15_000
/** What an answer gives away shows long before; nobody may fill our memory with the rest. */
const MAX_BODY_BYTES = 8 * 1024 * 1024

/** @throws Error when there is no whole answer in time */
export function buildExchange(
  endpoint: string,
  region: string,
  service: 's3' | 'iam',
  signal?: AbortSignal,
  timeoutMs = TIMEOUT_MS
): Exchange {
  const { protocol, hostname, port, host } = new URL(endpoint)
  // Of an IPv6 address the brackets belong to the URL alone.
  const address = hostname.replaceAll(/[[\]]/g, '')
  const servername = isIP(address) === 0 ? address : ''
  const isTls = protocol === 'https:'
  const agent = isTls ? undefined : new Agent({ keepAlive: true, maxSockets: 1 })
  const start = isTls ? httpsRequest : httpRequest

  return async (request, signing, key) => {
    const signed = await sign(withHost(request, host), signing, key, region, service)
    const query = queryText(signed.query)
    let deadline: NodeJS.Timeout | undefined
    const answer = new Promise<Answer>((resolve, reject) => {
      const outgoing = start(
        {
          hostname: address,
          port,
          // Else Node takes the certificate to be for the Host header, which a case may have forged.
          servername,
          ...(agent && { agent }),
          method: signed.method,
          path: signed.path + (query && `?${query}`),
          headers: { ...signed.headers, 'content-length': Buffer.byteLength(signed.body) },
          ...(signal && { signal })
        },
        (incoming) => {
          const chunks: Buffer[] = []
          let size = 0
          const finish = () =>
            resolve({
              status: incoming.statusCode as number,
              headers: Object.fromEntries(
                Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])
              ),
              body: Buffer.concat(chunks).toString()
            })
          incoming.on('data', (chunk: Buffer) => {
            chunks.push(chunk)
            size += chunk.length
            if (size < MAX_BODY_BYTES) return
            finish()
            incoming.destroy()
          })
          incoming.on('error', reject)
          incoming.on('end', finish)
        }
      )
      // Of the whole answer: a connection that is never idle can take for ever, too.
      deadline = setTimeout(() => {
        reject(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }))
        outgoing.destroy()
      }, timeoutMs)
      outgoing.on('error', reject)
      outgoing.end(signed.body)
    })
    return answer.finally(() => clearTimeout(deadline))
  }
}

function withHost(request: Request, host: string): Request {
  return { ...request, headers: { host, ...request.headers } }
}
