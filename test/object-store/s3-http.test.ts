import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import t, { type Test } from 'tap'
import { buildS3Http } from '../../src/object-store/s3-http.ts'
import { listening } from '../fixtures/listening.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../fixtures/loopback-certificate.ts'

const KEY = { accessKeyId: 'KEY', secretAccessKey: 'secret' }
const signal = () => AbortSignal.timeout(5_000)

t.test('an object is not read, however long it is', async (t) => {
  const endpoint = await serve(t, (_, response) => {
    response.writeHead(200)
    const write = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536))) {}
    }
    response.on('drain', write)
    write()
  })
  const send = buildS3Http(endpoint, 'us-east-1')
  const answer = await send(KEY, { method: 'GET', path: '/bucket/object' }, signal())
  t.match(answer, { status: 200, body: '', code: '', message: '' })
})

t.test('what was sent as JSON is signed as JSON', async (t) => {
  const headers: Record<string, unknown>[] = []
  const endpoint = await serve(t, (request, response) => {
    headers.push(request.headers)
    request.pipe(response)
  })
  const send = buildS3Http(endpoint, 'us-east-1')
  const request = { method: 'PUT', path: '/bucket?policy', body: '{"é":1}' } as const
  t.equal((await send(KEY, request, signal())).body, request.body)
  t.match(headers, [
    { 'content-type': 'application/json', authorization: /SignedHeaders=[^,]*content-type/ }
  ])
})

t.test('connections are kept', async (t) => {
  const sockets = new Set<unknown>()
  const endpoint = await serve(t, ({ socket }, response) => {
    sockets.add(socket)
    response.end()
  })
  const send = buildS3Http(endpoint, 'us-east-1')
  for (let count = 0; count < 10; count++) {
    await send(KEY, { method: 'GET', path: '/bucket?policy' }, signal())
  }
  // One is free again a moment after its answer was read.
  t.ok(sockets.size <= 2, `${sockets.size}`)
})

t.test('an address of IPv6 is one, and no name to look up', async (t) => {
  const send = buildS3Http('http://[::1]:1', 'us-east-1')
  // Refused where the machine has IPv6, not available where it has none.
  const failure = await send(KEY, { method: 'HEAD', path: '/bucket' }, signal()).catch((e) => e)
  t.equal(failure.address, '::1')
})

t.test('what cannot be mended by asking again is asked once', async (t) => {
  let connections = 0
  const server = createTlsServer({ cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY })
  server.on('connection', () => {
    connections++
  })
  const send = buildS3Http(`https://127.0.0.1:${await listening(t, server)}`, 'us-east-1')
  await t.rejects(send(KEY, { method: 'HEAD', path: '/bucket' }, signal()))
  t.equal(connections, 1)
})

t.test('a certificate that nobody vouches for is no store', async (t) => {
  const endpoint = await serve(t, (_, response) => response.end(), {
    cert: LOOPBACK_CERTIFICATE,
    key: LOOPBACK_KEY
  })
  const send = buildS3Http(endpoint, 'us-east-1')
  await t.rejects(send(KEY, { method: 'HEAD', path: '/bucket' }, signal()), {
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT'
  })
})

async function serve(
  t: Test,
  answer: RequestListener,
  certificate?: { readonly key: string; readonly cert: string }
): Promise<string> {
  const server: Server = certificate ? createTlsServer(certificate, answer) : createServer(answer)
  const port = await listening(t, server)
  return `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`
}
