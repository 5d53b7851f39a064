import type { IamSettings, StoreSettings } from '../config.ts'
import { NotReady } from '../errors.ts'
import { type ApiAnswer, answerFault, silenceFault, versionFault } from './diagnosis.ts'
import { buildSignedHttp, type HttpAnswer, type SignedRequest } from './signed-http.ts'

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

/**
 * Whether the S3 endpoint is what the setting says, by a signed read of an object. The check has the store's version and clock
 * for an answer.
 *
 * @throws NotReady from the check: a sentence that names the setting to change
 */
export function buildS3Check(
  { s3Endpoint, region, credentials }: StoreSettings,
  setting = 'AWS_ENDPOINT_URL_S3'
) {
  const send = buildSignedHttp(s3Endpoint, region)
  const endpoint = { setting, url: s3Endpoint, api: 'S3' } as const
  return async (
    bucket: string,
    signal: AbortSignal
  ): Promise<Pick<ApiAnswer, 'version' | 'clockAheadMs'>> => {
    const path = `/${bucket}/.s3-profile-controller/ready`
    const request = { service: 's3', method: 'GET', path } as const
    const answer = await ask(endpoint, () => send(credentials, request, signal), signal)
    const isContent = answer.status === 200 ? answer.isOfStore : S3_CONTENT.includes(answer.code)
    if (!isContent) throw new NotReady(answerFault(endpoint, answer))
    return answer
  }
}

/**
 * Whether the IAM endpoint is what its setting says, by a change of identities that changes nothing, because neither the user
 * nor the policy exists.
 *
 * @throws NotReady from the check: a sentence that names the setting to change
 */
export function buildIamCheck({ iamEndpoint, region, credentials }: IamSettings) {
  const send = buildSignedHttp(iamEndpoint, region)
  const endpoint = { setting: 'AWS_ENDPOINT_URL_IAM', url: iamEndpoint, api: 'IAM' } as const
  return async (signal: AbortSignal): Promise<void> => {
    const answer = await ask(endpoint, () => send(credentials, CHANGE_OF_NOTHING, signal), signal)
    if (answer.code !== IAM_CONTENT) throw new NotReady(answerFault(endpoint, answer))
  }
}

type Endpoint = Parameters<typeof answerFault>[0]

async function ask(
  endpoint: Endpoint,
  send: () => Promise<HttpAnswer>,
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
): Promise<HttpAnswer> {
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
