import aws4 from 'aws4'
import type { StoreSettings } from '../config.ts'
import { NotReady } from '../errors.ts'
import { type ApiAnswer, answerFault, silenceFault, versionFault } from './diagnosis.ts'

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
const CHANGE_OF_NOTHING = {
  service: 'iam',
  method: 'POST',
  path: '/',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams({
    Action: 'DetachUserPolicy',
    Version: '2010-05-08',
    UserName: 'nobody',
    PolicyArn: 'arn:aws:iam:::policy/nothing'
  }).toString()
}

/** Without the SDK, which tells nothing of an answer it cannot parse, and such answers are what this is about. */
export function buildEndpointChecks(
  { s3Endpoint, iamEndpoint, ...signer }: StoreSettings,
  s3Setting = 'AWS_ENDPOINT_URL_S3'
): EndpointChecks {
  return {
    async checkS3(bucket, signal) {
      const endpoint = { setting: s3Setting, url: s3Endpoint, api: 'S3' } as const
      const path = `/${bucket}/.s3-profile-controller/ready`
      const answer = await ask(endpoint, { service: 's3', method: 'GET', path }, signer, signal)
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
      const answer = await ask(endpoint, CHANGE_OF_NOTHING, signer, signal)
      if (answer.code !== IAM_CONTENT) throw new NotReady(answerFault(endpoint, answer))
    }
  }
}

type Endpoint = Parameters<typeof answerFault>[0]

type Signer = Pick<StoreSettings, 'region' | 'credentials'>
type SignedRequest = aws4.Request & { readonly method: string; readonly path: string }

async function ask(
  endpoint: Endpoint,
  request: SignedRequest,
  signer: Signer,
  signal: AbortSignal
): Promise<ApiAnswer> {
  const send = () => sendOnce(endpoint.url, request, signer, signal)
  let answer: ApiAnswer
  try {
    // A connection that was kept may have been closed meanwhile: that is no news of the store.
    answer = await send().catch(send)
  } catch (error) {
    throw new NotReady(silenceFault(endpoint, signal.aborted ? undefined : error))
  }
  const fault = versionFault(endpoint, answer.version)
  if (fault !== undefined) throw new NotReady(fault)
  return answer
}

/** @throws Error as `fetch` does */
export function sendChangeOfNothing(url: string, signer: Signer, signal: AbortSignal) {
  return sendOnce(url, CHANGE_OF_NOTHING, signer, signal)
}

async function sendOnce(
  url: string,
  request: SignedRequest,
  { region, credentials }: Signer,
  signal: AbortSignal
): Promise<ApiAnswer> {
  const { host } = new URL(url)
  const { headers } = aws4.sign({ ...request, host, region }, { ...credentials })
  const response = await fetch(url + request.path, {
    method: request.method,
    headers: headers as Record<string, string>,
    ...(request.body === undefined ? {} : { body: request.body as string }),
    redirect: 'manual',
    signal
  })
  return answerFrom(response, await response.text())
}

function answerFrom({ status, headers }: Response, body: string): ApiAnswer {
  return {
    status,
    code: /<Code>([A-Za-z]+)<\/Code>/.exec(body)?.[1] ?? '',
    body,
    isOfStore: headers.has('x-amz-request-id'),
    version: versionIn(headers.get('server') ?? ''),
    clockAheadMs: Date.now() - Date.parse(String(headers.get('date')))
  }
}

/** From `SeaweedFS 8000GB 4.48`, as every answer says; a proxy in between may say something else. */
function versionIn(server: string): string | undefined {
  return /^SeaweedFS (?:\S+ )?(\d+\.\d+)\S*$/.exec(server)?.[1]
}
