import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { buildExchange } from '../../src/matrix/exchange.ts'
import { requestFrom } from '../../src/matrix/request.ts'
import { refusingSettings } from '../fixtures/stub-store.ts'

const KEY = { accessKeyId: 'KEYOFTEAMA', secretAccessKey: 'secret-of-team-a' }

async function endpointThat(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Answers with what it was sent. */
const echo: RequestListener = async (incoming, response) => {
  const { method, url, headers } = incoming
  const body = await text(incoming)
  response.writeHead(404, { 'X-Amz-Id': 'one', 'Set-Cookie': ['a', 'b'] })
  response.end(JSON.stringify({ method, url, headers, body }))
}

t.test('sends the path untouched, the query encoded, and signs', async (t) => {
  const endpoint = await endpointThat(t, echo)
  const exchange = buildExchange(endpoint, 'us-east-1', 's3')
  const request = requestFrom('PUT //bucket/../%2e/key?prefix=a%20b', {}, 'käse')
  const { status, headers, body } = await exchange(request, 'header', KEY)
  const seen = JSON.parse(body)
  t.equal(status, 404, 'whatever it says')
  t.match(headers, { 'x-amz-id': 'one', 'set-cookie': 'a,b' })
  t.match(seen, { method: 'PUT', url: '//bucket/../%2e/key?prefix=a%20b', body: 'käse' })
  t.match(seen.headers, {
    host: new URL(endpoint).host,
    'content-length': '5',
    authorization: /Credential=KEYOFTEAMA\/\d{8}\/us-east-1\/s3\/aws4_request/
  })
})

t.test('sends another host where the request names one', async (t) => {
  const exchange = buildExchange(await endpointThat(t, echo), 'us-east-1', 's3')
  const request = requestFrom('GET /key', { host: 'bucket.localhost' })
  const { body } = await exchange(request, 'unsigned', KEY)
  t.match(JSON.parse(body), { url: '/key', headers: { host: 'bucket.localhost' } })
})

t.test('signs for the service that is asked', async (t) => {
  const exchange = buildExchange(await endpointThat(t, echo), 'eu-west-1', 'iam')
  const { body } = await exchange(requestFrom('POST /', {}, 'Action=ListUsers'), 'header', KEY)
  t.match(JSON.parse(body).headers.authorization, /\/eu-west-1\/iam\/aws4_request/)
})

t.test('gives the body of a refusal to HEAD, too: none', async (t) => {
  const exchange = buildExchange(await endpointThat(t, echo), 'us-east-1', 's3')
  t.equal((await exchange(requestFrom('HEAD /b/k'), 'header', KEY)).body, '')
})

t.test('throws when there is no answer', async (t) => {
  const get = (endpoint: string, signal?: AbortSignal, timeoutMs?: number) =>
    buildExchange(
      endpoint,
      'us-east-1',
      's3',
      signal,
      timeoutMs
    )(requestFrom('GET /'), 'header', KEY)
  const hang = await endpointThat(t, () => {})

  t.test('because nobody listens', async (t) => {
    await t.rejects(get((await refusingSettings()).s3Endpoint), { code: 'ECONNREFUSED' })
  })

  t.test('because the connection is cut in the middle', async (t) => {
    const cut = await endpointThat(t, (_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    })
    await t.rejects(get(cut), { code: 'ECONNRESET' })
  })

  t.test('in time', async (t) => {
    await t.rejects(get(hang, undefined, 50), { message: 'no answer' })
  })

  t.test('before the signal ends it', async (t) => {
    await t.rejects(get(hang, AbortSignal.timeout(50)), { name: /Abort|Timeout/ })
  })

  t.test('because an https endpoint does not speak TLS', async (t) => {
    await t.rejects(get(hang.replace('http:', 'https:')), { code: /^(EPROTO|ERR_SSL|ECONNRESET)/ })
  })
})
