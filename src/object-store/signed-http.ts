import {
  Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp
} from 'node:http'
import { request as requestHttps, Agent as TlsAgent } from 'node:https'
import { text } from 'node:stream/consumers'
import aws4 from 'aws4'
import type { AccessKey } from '../desired/credentials.ts'

export interface SignedRequest {
  readonly service: 's3' | 'iam'
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: string
  /** Of the body. */
  readonly contentType?: string
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Empty of an object, which nobody wants to read. */
  readonly body: string
  /** What S3 and IAM call the error, and say of it; both empty where there is none. */
  readonly code: string
  readonly message: string
}

export type SendSigned = (
  accessKey: AccessKey,
  request: SignedRequest,
  signal: AbortSignal
) => Promise<HttpAnswer>

/**
 * Sends signed requests to an endpoint, once, over connections that are kept unless somebody says otherwise. Without
 * the SDK, which takes a multiple of the processor for each, and tells nothing of an answer that it cannot parse.
 *
 * @throws Error of the wire, with its code, or of the abort
 */
export function buildSignedHttp(endpoint: string, region: string, keepAlive = true): SendSigned {
  const { host, hostname, port, protocol } = new URL(endpoint)
  const isTls = protocol === 'https:'
  const agent = new (isTls ? TlsAgent : Agent)({ keepAlive })
  const open = isTls ? requestHttps : requestHttp

  return async ({ accessKeyId, secretAccessKey }, signed, signal) => {
    const { service, method, path, body, contentType } = signed
    const content = body === undefined ? {} : { body, headers: { 'content-type': contentType } }
    const { headers } = aws4.sign(
      { service, region, host, method, path, ...content },
      { accessKeyId, secretAccessKey }
    )
    const address = { host: hostname.replace(/^\[|\]$/g, ''), port, method, path, agent, signal }
    const request = open({ ...address, headers: headers as Record<string, string> })
    request.end(body)
    const response = await responseTo(request)
    const isObject = method === 'GET' && !path.includes('?') && response.statusCode === 200
    if (isObject) response.destroy()
    return answerFrom(response, isObject ? '' : await text(response))
  }
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve)
    // Not once: what comes after the answer was taken must not end the process.
    request.on('error', reject)
  })
}

function answerFrom({ statusCode, headers }: IncomingMessage, body: string): HttpAnswer {
  const [, code = ''] = /<Code>([A-Za-z]+)<\/Code>/.exec(body) ?? []
  const [, message = ''] = /<Message>([^<]*)<\/Message>/.exec(body) ?? []
  return { status: statusCode as number, headers, body, code, message }
}
