import { createHmac } from 'node:crypto'
import { mock } from 'node:test'
import aws4 from 'aws4'
import t, { type Test } from 'tap'
import { type Request, requestFrom } from '../../src/matrix/request.ts'
import { sign, signedForm } from '../../src/matrix/signing.ts'

/** The key of every example in AWS's documentation. */
const KEY = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
}
const REGION = 'us-east-1'
const HOST = 'store.invalid:8333'

function at(t: Test, now: string) {
  mock.timers.enable({ apis: ['Date'], now: Date.parse(now) })
  t.teardown(() => mock.timers.reset())
}

function to(line: string, headers: Record<string, string> = {}, body = ''): Request {
  return requestFrom(line, { host: HOST, ...headers }, body)
}

t.test('an unsigned request is sent as it is', async (t) => {
  const request = to('PUT /bucket/key', {}, 'body')
  t.equal(await sign(request, 'unsigned', KEY, REGION, 's3'), request)
})

t.test('version 4 in headers', async (t) => {
  /** @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
  t.test('is what AWS’s own example says', async (t) => {
    at(t, '2013-05-24T00:00:00Z')
    const host = 'examplebucket.s3.amazonaws.com'
    const request = to('GET /test.txt', { host, range: 'bytes=0-9' })
    const { headers } = await sign(request, 'header', KEY, REGION, 's3')
    t.equal(
      headers['authorization'],
      'AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, ' +
        'SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, ' +
        'Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'
    )
  })

  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const requests: [what: string, service: string, request: Request][] = [
    ['a body', 's3', to('PUT /bucket/key', {}, 'a body')],
    ['a sub-resource', 's3', to('POST /bucket?delete', {}, '<Delete/>')],
    ['a query', 's3', to('GET /bucket?prefix=a/b%20c&list-type=2&marker=%00')],
    ['a key with signs', 's3', to("GET /bucket/a%20b%2Bc%26d%C3%A4(e)'")],
    ['slashes and dots', 's3', to('GET /bucket//a/../%2E%2E/b')],
    ['a payload that is not signed', 's3', to('PUT /b/k', unsignedPayload(), 'loose')],
    ['a copy', 's3', to('PUT /b/k', { 'x-amz-copy-source': '/b/other' })],
    ['an IAM form', 'iam', to('POST /', form, 'Action=ListUsers')]
  ]
  for (const [what, service, request] of requests) {
    t.test(`is what an independent signer says of ${what}`, async (t) => {
      // The other one reads the clock again.
      at(t, '2013-05-24T00:00:00Z')
      const { headers, body } = await sign(request, 'header', KEY, REGION, service)
      t.equal(headers['authorization'], independentSignature(service, request, headers))
      t.equal(body, request.body)
    })
  }
})

t.test('version 4 in headers, loosely, signs none of the request’s own headers', async (t) => {
  const request = to('GET /bucket/key', { 'x-seaweedfs-principal': 'forged' })
  const { headers } = await sign(request, 'header-loose', KEY, REGION, 's3')
  t.equal(headers['x-seaweedfs-principal'], 'forged')
  t.match(headers['authorization'], /SignedHeaders=host;x-amz-content-sha256;x-amz-date,/)
})

t.test('version 4 in the query', async (t) => {
  /** @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
  t.test('is what an independent signer says', async (t) => {
    at(t, '2013-05-24T00:00:00Z')
    const request = to('GET /bucket/key?versionId=null&partNumber=1')
    const { query, headers } = await sign(request, 'presigned', KEY, REGION, 's3')
    const { 'X-Amz-Signature': signature, ...rest } = Object.fromEntries(query)
    t.match(rest, { 'X-Amz-Date': '20130524T000000Z', 'X-Amz-Expires': '300', versionId: 'null' })
    const unsigned = `/bucket/key?${new URLSearchParams(rest)}`
    const signed = aws4.sign(
      { service: 's3', region: REGION, host: HOST, path: unsigned, signQuery: true },
      KEY
    )
    t.equal(signature, new URLSearchParams(signed.path).get('X-Amz-Signature'))
    t.equal(headers['authorization'], undefined)
  })

  t.test('leaves every header where it is, signed', async (t) => {
    const request = to('PUT /bucket/key', { 'x-amz-copy-source': '/bucket/other' })
    const { query, headers } = await sign(request, 'presigned', KEY, REGION, 's3')
    t.equal(headers['x-amz-copy-source'], '/bucket/other')
    t.match(Object.fromEntries(query)['X-Amz-SignedHeaders'], /x-amz-copy-source/)
  })
})

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html */
t.test('version 2', async (t) => {
  t.test('in the query is what AWS’s own example says', async (t) => {
    at(t, new Date((1_175_139_620 - 300) * 1000).toISOString())
    const request = to('GET /johnsmith/photos/puppy.jpg')
    const { query } = await sign(request, 'presigned-v2', KEY, REGION, 's3')
    t.strictSame(Object.fromEntries(query), {
      AWSAccessKeyId: KEY.accessKeyId,
      Expires: '1175139620',
      Signature: 'NpgCjnDzrM+WFzoENXmpNDUsSn8='
    })
  })

  t.test('in headers signs type, date, amz headers and sub-resources', async (t) => {
    at(t, '2007-03-27T19:36:42Z')
    const amz = { 'x-amz-tagging': 'a=b', 'x-amz-acl': 'private', 'content-type': 'text/plain' }
    const request = to('PUT /bucket/key?uploadId=u&prefix=p&partNumber=1', amz, 'a part')
    const { headers } = await sign(request, 'header-v2', KEY, REGION, 's3')
    const text = [
      'PUT',
      '',
      'text/plain',
      'Tue, 27 Mar 2007 19:36:42 GMT',
      'x-amz-acl:private',
      'x-amz-tagging:a=b',
      '/bucket/key?partNumber=1&uploadId=u'
    ].join('\n')
    const signature = createHmac('sha1', KEY.secretAccessKey).update(text).digest('base64')
    t.equal(headers['authorization'], `AWS ${KEY.accessKeyId}:${signature}`)
    t.equal(headers['date'], 'Tue, 27 Mar 2007 19:36:42 GMT')
  })
})

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html */
t.test('signedForm', async (t) => {
  at(t, '2015-12-29T00:00:00Z')
  const fields = { key: 'their/object', acl: 'public-read' }
  const { headers, body } = signedForm(fields, 'bucket', KEY, REGION)
  const [, boundary = ''] = /boundary=(.+)$/.exec(headers['content-type'] ?? '') ?? []
  const parts = body.split(`--${boundary}`).slice(1, -1)
  const sent = Object.fromEntries(
    parts.map((part) => /name="([^"]+)".*?\r\n\r\n(.*)\r\n$/s.exec(part)?.slice(1) ?? [])
  )

  t.test('says the bucket, the fields and what to store', async (t) => {
    t.match(sent, { bucket: 'bucket', ...fields, file: 'planted' })
    t.equal(Object.keys(sent).at(-1), 'file', 'which is the last of all')
    t.ok(body.endsWith(`--${boundary}--\r\n`))
  })

  t.test('has a policy that allows every field and expires', async (t) => {
    const policy = JSON.parse(Buffer.from(sent['policy'], 'base64').toString())
    t.equal(policy.expiration, '2015-12-29T00:05:00.000Z')
    const allowed = policy.conditions.map(([, name]: string[]) => name?.slice(1))
    const mechanics = ['policy', 'x-amz-signature', 'file']
    t.same(policy.conditions[0], ['eq', '$bucket', 'bucket'])
    t.same(policy.conditions[1], ['starts-with', '$key', ''])
    t.same(
      allowed,
      Object.keys(sent).filter((name) => !mechanics.includes(name))
    )
  })

  t.test('is signed as AWS documents it', async (t) => {
    const hmac = (key: string | Buffer, text: string) =>
      createHmac('sha256', key).update(text).digest()
    const date = hmac(`AWS4${KEY.secretAccessKey}`, '20151229')
    const key = hmac(hmac(hmac(date, REGION), 's3'), 'aws4_request')
    t.equal(sent['x-amz-signature'], hmac(key, sent['policy']).toString('hex'))
    t.equal(sent['x-amz-credential'], 'AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request')
  })
})

function unsignedPayload() {
  return { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }
}

function independentSignature(
  service: string,
  { method, path, query, body }: Request,
  signed: Request['headers']
): string | undefined {
  const { authorization, ...headers } = signed
  const search = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
  const options = { service, region: REGION, method, body, headers, doNotModifyHeaders: true }
  const request = { ...options, path: path + (search && `?${search}`) }
  return String(aws4.sign(request, KEY).headers?.['Authorization'])
}
