import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps, Agent as TlsAgent } from 'node:https'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import aws4 from 'aws4'
import type { AccessKey } from '../desired/credentials.ts'

export interface SignedRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  readonly path: string
  /** JSON. */
  readonly body?: string
}

export interface S3Answer {
  readonly status: number
  /** Empty of an object, which nobody wants to read. */
  readonly body: string
  /** What S3 calls the error, and says of it; both empty where there is none. */
  readonly code: string
  readonly message: string
}

export type SendSigned = (
  accessKey: AccessKey,
  request: SignedRequest,
  signal: AbortSignal
) => Promise<S3Answer>

const RETRY_AFTER_MS = 50

/**
 * Sends signed requests to an S3 endpoint, over connections that are kept; once more where the answer is an outage
 * or a kept connection was closed meanwhile. Without the SDK, which takes a multiple of the processor
 * for each: bench/renew.ts shows it.
 *
 * @throws Error of the wire, with its code, or of the abort
 */
export function buildSignedHttp(s3Endpoint: string, region: string): SendSigned {
  const { host, hostname, port, protocol } = new URL(s3Endpoint)
  const isTls = protocol === 'https:'
  const agent = new (isTls ? TlsAgent : Agent)({ keepAlive: true })
  const open = isTls ? requestHttps : requestHttp

  async function once(
    { accessKeyId, secretAccessKey }: AccessKey,
    { method, path, body }: SignedRequest,
    signal: AbortSignal
  ): Promise<S3Answer> {
    const content =
      body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }
    const { headers } = aws4.sign(
      { service: 's3', region, host, method, path, ...content },
      { accessKeyId, secretAccessKey }
    )
    const address = { host: hostname.replace(/^\[|\]$/g, ''), port, method, path, agent, signal }
    const request = open({ ...address, headers: headers as Record<string, string> })
    request.end(body)
    const response = await responseTo(request)
    if (method === 'GET' && !path.includes('?') && response.statusCode === 200) {
      response.destroy()
      return { status: 200, body: '', code: '', message: '' }
    }
    return answerFrom(response)
  }

  return async (accessKey, request, signal) => {
    const answer = await once(accessKey, request, signal).catch((error: NodeJS.ErrnoException) => {
      if (signal.aborted || error.code !== 'ECONNRESET') throw error
    })
    if (answer !== undefined && answer.status < 500) return answer
    await pause(RETRY_AFTER_MS, undefined, { signal })
    return once(accessKey, request, signal)
  }
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    // Not once: what comes after the answer was taken must not end the process.
    request.on('error', reject)
  })
}

async function answerFrom(response: IncomingMessage): Promise<S3Answer> {
  const body = await text(response)
  const [, code = ''] = /<Code>([A-Za-z]+)<\/Code>/.exec(body) ?? []
  const [, message = ''] = /<Message>([^<]*)<\/Message>/.exec(body) ?? []
  return { status: response.statusCode as number, body, code, message }
}
