import type { StoreSettings } from '../config.ts'
import { NotReady } from '../errors.ts'
import { type ApiAnswer, answerFault, silenceFault, versionFault } from './diagnosis.ts'
import {
  buildSignedHttp,
  type HttpAnswer,
  type SendSigned,
  type SignedRequest
} from './signed-http.ts'

/** Whether both endpoints are what the settings say they are; an answer of 'no' names the setting to change. */
export interface EndpointChecks {
  /** One signed read of an object. */
  checkS3(bucket: string, signal: AbortSignal): Promise<Pick<ApiAnswer, 'version' | 'clockAheadMs'>>
  /** One change of identities that changes nothing, because neither the user nor the policy exists. */
  checkIam(signal: AbortSignal): Promise<void>
}

/** What the store says to a right request; SeaweedFS has no other way to say "I am the S3 API". */
const S3_CONTENT = ['NoSuchKey', 'NoSuchBucket']
export const IAM_CONTENT = 'NoSuchEntity'
/** Nobody has that name: a user of ours carries a prefix, and a store's own admin has a policy. */
const CHANGE_OF_NOTHING: SignedRequest = {
  service: 'iam',
  method: 'POST',
  path: '/',
  contentType: 'application/x-www-form-urlencoded',
  body: new URLSearchParams({
    Action: 'DetachUserPolicy',
    Version: '2010-05-08',
    UserName: 'nobody',
    PolicyArn: 'arn:aws:iam:::policy/nothing'
  }).toString()
}

export function buildEndpointChecks(
  { s3Endpoint, iamEndpoint, region, credentials }: StoreSettings,
  s3Setting = 'AWS_ENDPOINT_URL_S3'
): EndpointChecks {
  const sendS3 = buildSignedHttp(s3Endpoint, region)
  const sendIam = buildSignedHttp(iamEndpoint ?? s3Endpoint, region)
  return {
    async checkS3(bucket, signal) {
      const endpoint = { setting: s3Setting, url: s3Endpoint, api: 'S3' } as const
      const path = `/${bucket}/.s3-profile-controller/ready`
      const request = { service: 's3', method: 'GET', path } as const
      const answer = await ask(endpoint, () => sendS3(credentials, request, signal), signal)
      const isContent = answer.status === 200 ? answer.isOfStore : S3_CONTENT.includes(answer.code)
      if (!isContent) throw new NotReady(answerFault(endpoint, answer))
      return answer
    },

    async checkIam(signal) {
      const endpoint = {
        setting: 'AWS_ENDPOINT_URL_IAM',
        url: String(iamEndpoint),
        api: 'IAM'
      } as const
      const send = () => sendIam(credentials, CHANGE_OF_NOTHING, signal)
      const answer = await ask(endpoint, send, signal)
      if (answer.code !== IAM_CONTENT) throw new NotReady(answerFault(endpoint, answer))
    }
  }
}

type Endpoint = Parameters<typeof answerFault>[0]

async function ask(
  endpoint: Endpoint,
  send: () => ReturnType<SendSigned>,
  signal: AbortSignal
): Promise<ApiAnswer> {
  let answer: ApiAnswer
  try {
    // A connection that was kept may have been closed meanwhile: that is no news of the store.
    answer = apiAnswerFrom(await send().catch(send))
  } catch (error) {
    throw new NotReady(silenceFault(endpoint, signal.aborted ? undefined : error))
  }
  const fault = versionFault(endpoint, answer.version)
  if (fault !== undefined) throw new NotReady(fault)
  return answer
}

/** @throws Error of the wire */
export async function sendChangeOfNothing(
  url: string,
  { region, credentials }: Pick<StoreSettings, 'region' | 'credentials'>,
  signal: AbortSignal
): ReturnType<SendSigned> {
  return buildSignedHttp(url, region, false)(credentials, CHANGE_OF_NOTHING, signal)
}

function apiAnswerFrom({ status, headers, code, body }: HttpAnswer): ApiAnswer {
  return {
    status,
    code,
    body,
    isOfStore: headers['x-amz-request-id'] !== undefined,
    version: versionIn(String(headers['server'])),
    clockAheadMs: Date.now() - Date.parse(String(headers['date']))
  }
}

/** From `SeaweedFS 8000GB 4.48`, as every answer says; a proxy in between may say something else. */
function versionIn(server: string): string | undefined {
  return /^SeaweedFS (?:\S+ )?(\d+\.\d+)\S*$/.exec(server)?.[1]
}
