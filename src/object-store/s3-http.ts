import { setTimeout as pause } from 'node:timers/promises'
import type { AccessKey } from '../desired/credentials.ts'
import { buildSignedHttp, type HttpAnswer, type SignedRequest } from './signed-http.ts'

/** What is asked of the S3 API; a body is JSON. */
export type S3Request = Pick<SignedRequest, 'path' | 'body'> & {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
}

const RETRY_AFTER_MS = 50

/**
 * Asks the S3 API; once more where the answer is an outage or a kept connection was closed meanwhile.
 * @throws Error of the wire, with its code, or of the abort
 */
export function buildS3Http(s3Endpoint: string, region: string) {
  const send = buildSignedHttp(s3Endpoint, region)
  return async (
    accessKey: AccessKey,
    s3Request: S3Request,
    signal: AbortSignal
  ): Promise<HttpAnswer> => {
    const request = { ...s3Request, service: 's3', contentType: 'application/json' } as const
    const answer = await send(accessKey, request, signal).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET') throw error
    })
    if (answer !== undefined && answer.status < 500) return answer
    await pause(RETRY_AFTER_MS, undefined, { signal })
    return send(accessKey, request, signal)
  }
}
