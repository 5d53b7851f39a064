import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { buildGrpcChannel } from '../../src/object-store/grpc-channel.ts'
import { findOtherWriters } from '../../src/object-store/other-writers.ts'
import {
  type FilerScript,
  grpcError,
  type StubFiler,
  startStubFiler
} from '../fixtures/stub-filer.ts'
import { storeSettings } from '../fixtures/stub-store.ts'

const WRITABLE = { status: 404, body: '<Error><Code>NoSuchEntity</Code></Error>' }
const READ_ONLY = { status: 403, body: '<Error><Code>AccessDenied</Code></Error>' }
const NO_IAM = { status: 405, body: '' }
const TLS_ONLY = { status: 400, body: 'Client sent an HTTP request to an HTTPS server.' }
const STRANGER = { status: 403, body: '<Error><Code>InvalidAccessKeyId</Code></Error>' }

/** Something that answers every request so; the address of the host is of this test alone. */
async function serve(
  t: Test,
  answer: { status: number; body: string },
  host = '127.77.0.1',
  port = 0
) {
  const server = createServer((_request, response) =>
    response.writeHead(answer.status).end(answer.body)
  )
  const listen = () =>
    new Promise<number>((resolve) =>
      server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
    )
  // Its gRPC port, 10000 higher, must be one too.
  while ((await listen()) > 55_000) await new Promise((resolve) => server.close(resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `${host}:${(server.address() as AddressInfo).port}`
}

/** A gateway registers with its gRPC port, which is 10000 higher if nobody changed it. */
function grpcAddressOf(address: string): string {
  const { hostname, port } = new URL(`http://${address}`)
  return `${hostname}:${Number(port) + 10_000}`
}

async function foundFrom(t: Test, own: string, { filer }: StubFiler): Promise<string[]> {
  const { iamEndpoint: _, ...settings } = storeSettings(`http://${own}`)
  const channel = buildGrpcChannel(filer.address, 'off')
  t.teardown(() => channel.close())
  return (await findOtherWriters({ ...settings, filer }, channel)).sort()
}

t.test('findOtherWriters', async (t) => {
  const own = await serve(t, NO_IAM)

  t.test(
    'looks at the gateways that a master knows, at ours, and at port 8111 beside each',
    async (t) => {
      const [writable, readOnly, tls] = [
        await serve(t, WRITABLE),
        await serve(t, READ_ONLY),
        await serve(t, TLS_ONLY)
      ]
      await serve(t, STRANGER, '127.77.0.1', 8111)
      let master = ''
      const nodes = {
        clusterNodes: [writable, readOnly, tls].map((address) => ({
          address: grpcAddressOf(address)
        }))
      }
      const script: FilerScript = {
        GetFilerConfiguration: () => ({
          masters: [master, '127.77.0.1:1', 'no address'],
          filerGroup: 'group-a'
        }),
        ListClusterNodes: () => ({
          clusterNodes: [...nodes.clusterNodes, { address: 'no address' }]
        })
      }
      const stub = await startStubFiler(t, script)
      master = `127.0.0.1:1.${stub.port}`
      t.strictSame(
        await foundFrom(t, own, stub),
        [`http://${writable}`, 'http://127.77.0.1:8111'].sort()
      )
      const asked = stub.calls.find(({ method }) => method === 'ListClusterNodes')
      t.strictSame({ ...asked?.request }, { clientType: 's3', filerGroup: 'group-a' })
    }
  )

  t.test('looks at ours where nobody says more', async (t) => {
    const alone = await serve(t, WRITABLE, '127.77.0.2')
    const stub = await startStubFiler(t, { GetFilerConfiguration: () => grpcError(16) })
    t.strictSame(await foundFrom(t, alone, stub), [`http://${alone}`])
  })
})
