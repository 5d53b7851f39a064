import { createHash, createHmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import type { AccessKey } from '../desired/credentials.ts'
import { encoded, queryText, type Request, type Signing } from './request.ts'

const PRESIGNED_SECONDS = 300

/** The request as the wire needs it; its `host` header must be set. */
export async function sign(
  request: Request,
  signing: Signing,
  key: AccessKey,
  region: string,
  service: string
): Promise<Request> {
  if (signing === 'unsigned') return request
  if (signing === 'header-v2' || signing === 'presigned-v2') return signV2(request, signing, key)
  const signer = new SignatureV4({
    credentials: { ...key },
    region,
    service,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: true
  })
  const unsigned = {
    method: request.method,
    protocol: 'http:',
    hostname: request.headers['host'] as string,
    path: canonicalPath(request.path),
    query: queryBag(request.query),
    headers: { ...request.headers },
    body: request.body
  }
  if (signing === 'header' || signing === 'header-loose') {
    const own = Object.keys(request.headers).filter((name) => name !== 'host')
    const { headers } = await signer.sign(unsigned, {
      unsignableHeaders: new Set(signing === 'header' ? [] : own)
    })
    return { ...request, headers: headers as Record<string, string> }
  }
  unsigned.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD'
  const { query, headers } = await signer.presign(unsigned, {
    expiresIn: PRESIGNED_SECONDS,
    unhoistableHeaders: new Set(Object.keys(request.headers))
  })
  const bag = Object.entries(query as Record<string, string | string[]>)
  return {
    ...request,
    headers: headers as Record<string, string>,
    query: bag.flatMap(([name, values]) => [values].flat().map((value) => [name, value] as const))
  }
}

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html */
function signV2(request: Request, signing: Signing, key: AccessKey): Request {
  const isHeader = signing === 'header-v2'
  const date = isHeader
    ? new Date().toUTCString()
    : String(Math.floor(Date.now() / 1000) + PRESIGNED_SECONDS)
  const type = request.headers['content-type'] ?? ''
  const resources = request.query.filter(([name]) => V2_RESOURCES.has(name)).sort()
  const resource = request.path + (resources.length > 0 ? `?${queryText(resources)}` : '')
  const amz = Object.entries(request.headers)
    .filter(([name]) => name.startsWith('x-amz-'))
    .sort()
    .map(([name, value]) => `${name}:${value}\n`)
  const text = [request.method, '', type, date, amz.join('') + resource].join('\n')
  const signature = createHmac('sha1', key.secretAccessKey).update(text).digest('base64')
  if (isHeader) {
    const authorization = `AWS ${key.accessKeyId}:${signature}`
    return { ...request, headers: { ...request.headers, date, authorization } }
  }
  const extra = { AWSAccessKeyId: key.accessKeyId, Expires: date, Signature: signature }
  return { ...request, query: [...request.query, ...Object.entries(extra)] }
}

const V2_RESOURCES = new Set([
  ...['acl', 'delete', 'lifecycle', 'location', 'policy', 'tagging', 'uploads', 'versions'],
  ...['partNumber', 'uploadId', 'versionId', 'versioning']
])

/** As the server writes it before it checks the signature: decoded once and encoded anew. */
function canonicalPath(path: string): string {
  return decodeURIComponent(path).split('/').map(encoded).join('/')
}

function queryBag(pairs: Request['query']): Record<string, string | string[]> {
  const bag: Record<string, string[]> = {}
  for (const [name, value] of pairs) bag[name] = [...(bag[name] ?? []), value]
  return bag
}

/** Fields of a form of which no beginning may be allowed, only the whole. */
const MATCHED_WHOLE = /^(bucket$|success_action_status$|x-amz-)/

/**
 * A form that a browser would upload with: the policy says what the form says, and is signed.
 * @returns headers and body of the POST
 */
export function signedForm(
  fields: Readonly<Record<string, string>>,
  bucket: string,
  key: AccessKey,
  region: string
): { headers: Record<string, string>; body: string } {
  const now = new Date()
  const date = now.toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const credential = `${key.accessKeyId}/${date.slice(0, 8)}/${region}/s3/aws4_request`
  const all: Record<string, string> = {
    bucket,
    ...fields,
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': credential,
    'x-amz-date': date
  }
  const conditions = Object.entries(all).map(([name, value]) =>
    MATCHED_WHOLE.test(name) ? ['eq', `$${name}`, value] : ['starts-with', `$${name}`, '']
  )
  const expiration = new Date(now.getTime() + PRESIGNED_SECONDS * 1000).toISOString()
  const policy = Buffer.from(JSON.stringify({ expiration, conditions })).toString('base64')
  const dayKey = ['aws4_request', 's3', region, date.slice(0, 8)].reduceRight<string | Buffer>(
    (secret, text) => createHmac('sha256', secret).update(text).digest(),
    `AWS4${key.secretAccessKey}`
  )
  const signature = createHmac('sha256', dayKey).update(policy).digest('hex')
  const boundary = 'form-of-the-isolation-matrix'
  const parts = Object.entries({ ...all, policy, 'x-amz-signature': signature })
    .map(([name, value]) => `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`)
    .concat('Content-Disposition: form-data; name="file"; filename="file"\r\n\r\nplanted')
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: `${body}--${boundary}--\r\n`
  }
}

/** Node's own, in the shape that the signer asks for. */
class Sha256 {
  readonly #hash

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : createHmac('sha256', secret as string | Uint8Array)
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }
}
