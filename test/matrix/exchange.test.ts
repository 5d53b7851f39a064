import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setDefaultCACertificates } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { buildExchange } from '../../src/matrix/exchange.ts'
import { requestFrom } from '../../src/matrix/request.ts'
import { listening } from '../fixtures/listening.ts'
import { refusingSettings } from '../fixtures/stub-store.ts'

const KEY = { accessKeyId: 'KEYOFTEAMA', secretAccessKey: 'secret-of-team-a' }

async function endpointThat(t: Test, listener: RequestListener, host = '127.0.0.1') {
  const port = await listening(t, createServer(listener), host)
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
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

t.test('speaks to an IPv6 address', async (t) => {
  const endpoint = await endpointThat(t, echo, '::1').catch(() => undefined)
  if (endpoint === undefined) {
    t.pass('this machine has none')
    return
  }
  const exchange = buildExchange(endpoint, 'us-east-1', 's3')
  const { body } = await exchange(requestFrom('GET /key'), 'header', KEY)
  t.match(JSON.parse(body).headers.host, /^\[::1\]:\d+$/)
})

t.test(
  'over TLS, the certificate is for the endpoint, whatever the request calls it',
  async (t) => {
    const folder = t.testdir({})
    const line =
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=store'
    const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const files = ['-keyout', join(folder, 'key'), '-out', join(folder, 'certificate')]
    try {
      await promisify(execFile)('openssl', [...line.split(' '), ...names, ...files])
    } catch (error) {
      t.comment(`openssl made no certificate: ${(error as Error).message}`)
      t.plan(0, 'no openssl')
      return
    }
    const cert = await readFile(join(folder, 'certificate'), 'utf8')
    const server = createTlsServer({ key: await readFile(join(folder, 'key')), cert }, echo)
    server.listen(0)
    await once(server, 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    setDefaultCACertificates([cert])
    const { port } = server.address() as AddressInfo
    for (const name of ['localhost', '127.0.0.1']) {
      const exchange = buildExchange(`https://${name}:${port}`, 'us-east-1', 's3')
      for (const host of [`${name}:${port}`, 'bucket.localhost']) {
        const { body } = await exchange(requestFrom('GET /key', { host }), 'header', KEY)
        t.match(JSON.parse(body).headers, { host }, `${name}, called ${host}`)
      }
    }
    const other = buildExchange(`https://127.0.0.2:${port}`, 'us-east-1', 's3')
    const called = requestFrom('GET /key', { host: 'localhost' })
    await t.rejects(other(called, 'header', KEY), 'and another endpoint is refused')
  }
)

t.test('reads no more of an answer than it takes to judge it, and goes on', async (t) => {
  const chunk = Buffer.alloc(1024 * 1024, 'x')
  let asked = 0
  const endless = await endpointThat(t, (incoming, response) => {
    asked += 1
    response.on('error', () => {})
    const more = () => {
      while (!response.destroyed && response.write(chunk));
      response.once('drain', more)
    }
    if (incoming.url === '/endless') more()
    else response.end('short')
  })
  const exchange = buildExchange(endless, 'us-east-1', 's3')
  const { status, body } = await exchange(requestFrom('GET /endless'), 'unsigned', KEY)
  t.equal(status, 200)
  t.ok(body.length < 16 * chunk.length, `${body.length} bytes`)
  t.match(await exchange(requestFrom('GET /'), 'unsigned', KEY), { body: 'short' })
  t.equal(asked, 2)
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
    const late = { message: 'no answer', code: 'ETIMEDOUT' }
    await t.rejects(get(hang, undefined, 50), late)
    const drip = await endpointThat(t, (_, response) => {
      const timer = setInterval(() => response.write('.'), 10)
      response.on('close', () => clearInterval(timer))
    })
    await t.rejects(get(drip, undefined, 100), late, 'whole')
  })

  t.test('before the signal ends it', async (t) => {
    await t.rejects(get(hang, AbortSignal.timeout(50)), { name: /Abort|Timeout/ })
  })

  t.test('because an https endpoint does not speak TLS', async (t) => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const endpoint = hang.replace('http://127.0.0.1', `https://${host}`)
      await t.rejects(get(endpoint), { code: /^(EPROTO|ERR_SSL|ECONNRE)/ })
    }
  })
})
