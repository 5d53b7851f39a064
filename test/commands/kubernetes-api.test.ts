import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { connectFromPod } from '../../src/commands/kubernetes-api.ts'
import { CommandFailed } from '../../src/errors.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../fixtures/loopback-certificate.ts'
import { startStubApiServer } from '../fixtures/stub-api-server.ts'
import { refusingSettings } from '../fixtures/stub-store.ts'

t.test('is the ServiceAccount of the pod', async (t) => {
  const secret = { data: { token: 'eA==' } }
  const { env, folder } = await startStubApiServer(t, new Map([['a', secret]]))
  const api = await connectFromPod(env, folder)
  t.equal(api.namespace, 'kubeflow')
  const path = '/api/v1/namespaces/kubeflow/secrets/a'
  t.same(await api.send('GET', path), { status: 200, body: secret })
})

t.test('says that this is no pod', async (t) => {
  const { env, folder } = await startStubApiServer(t, new Map())
  for (const [environment, mount] of [
    [env, t.testdir({})],
    [{ ...env, KUBERNETES_SERVICE_HOST: '' }, folder],
    [{ ...env, KUBERNETES_SERVICE_PORT: '' }, folder]
  ] as const) {
    await t.rejects(connectFromPod(environment, mount), /^This runs in a pod with a ServiceAccount/)
  }
})

t.test('says that nobody answers', async (t) => {
  const { folder, env } = await startStubApiServer(t, new Map())
  const { port } = new URL((await refusingSettings()).s3Endpoint)
  const api = await connectFromPod({ ...env, KUBERNETES_SERVICE_PORT: port }, folder)
  await t.rejects(
    api.send('GET', '/'),
    new CommandFailed(`The API server at 127.0.0.1:${port} does not answer: ECONNREFUSED`)
  )
})

t.test('quotes nothing of an answer that is no JSON', async (t) => {
  const server = createServer({ key: LOOPBACK_KEY, cert: LOOPBACK_CERTIFICATE }, (_, response) => {
    response.writeHead(502).end('{"data":{"token":"c2Vj')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const { folder, env } = await startStubApiServer(t, new Map())
  const api = await connectFromPod({ ...env, KUBERNETES_SERVICE_PORT: String(port) }, folder)
  t.same(await api.send('GET', '/'), { status: 502, body: { message: 'no JSON' } })
})
