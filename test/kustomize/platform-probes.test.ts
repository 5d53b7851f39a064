import { execFile } from 'node:child_process'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const PROBES = fileURLToPath(
  new URL('../../kustomize/components/seaweedfs/probes', import.meta.url)
)
const BUCKET = '/seaweedfs-readiness'
const SECRET = 'not-for-the-process-list'

const answers: Record<string, RequestListener> = {
  'the object': (_, response) => response.end('readable'),
  // As SeaweedFS 4.44 does it for some seconds after a restart.
  'all its headers and no body': (_, response) => {
    response.writeHead(200, { 'content-length': '8' }).write('')
    response.socket?.end()
  },
  'half of it': (_, response) => {
    response.writeHead(200, { 'content-length': '8' }).write('read')
    response.socket?.end()
  },
  'an empty object': (_, response) => response.end(),
  'that there is no such object': (_, response) => response.writeHead(404).end(),
  'that the key is unknown': (_, response) => response.writeHead(403).end(),
  'an error of its own': (_, response) => response.writeHead(500).end('readable')
}

t.test('read-object.sh, when the store answers with', async (t) => {
  for (const [name, answer] of Object.entries(answers)) {
    const passes = name === 'the object'
    const answers: RequestListener = (request, response) =>
      request.url === BUCKET ? response.end('a list') : answer(request, response)
    t.equal((await probe(t, 'read-object.sh', answers)).code === 0, passes, name)
  }
})

t.test('read-object.sh, when there is an object and no list', async (t) => {
  const { code } = await probe(t, 'read-object.sh', ({ url }, response) => {
    response.writeHead(url === BUCKET ? 500 : 200).end('readable')
  })
  t.equal(code, 1)
})

t.test('read-object.sh writes the object again where the store was emptied', async (t) => {
  const { code, requests } = await probe(t, 'read-object.sh', emptyStore())
  t.equal(code, 0)
  t.ok(requests.some(({ method }) => method === 'PUT'))
})

t.test('read-object.sh, when nobody answers', async (t) => {
  t.equal((await run('read-object.sh', 'http://127.0.0.1:1')).code, 1)
})

t.test('write-object.sh', async (t) => {
  t.test('writes nothing that can be read already', async (t) => {
    const { code, requests } = await probe(t, 'write-object.sh', (_, response) =>
      response.end('readable')
    )
    t.equal(code, 0)
    t.same(new Set(requests.map(({ method }) => method)), new Set(['GET']))
  })

  t.test('writes the object where there is none, and reads it', async (t) => {
    const { code, requests } = await probe(t, 'write-object.sh', emptyStore())
    t.equal(code, 0)
    t.same(
      requests.filter(({ method }) => method === 'PUT').map(({ url }) => url),
      [BUCKET, `${BUCKET}/object`]
    )
  })

  t.test('fails while the store cannot write', async (t) => {
    const readOnly: RequestListener = ({ method }, response) =>
      response.writeHead(method === 'PUT' ? 507 : 404).end()
    t.not((await probe(t, 'write-object.sh', readOnly)).code, 0)
  })
})

/** It keeps what is put, and has nothing else. */
function emptyStore(): RequestListener {
  const written = new Map<string | undefined, string>()
  return async (request, response) => {
    if (request.method === 'PUT') {
      written.set(request.url, (await request.toArray()).join(''))
      response.end()
    } else {
      const body = written.get(request.url)
      response.writeHead(body === undefined ? 404 : 200).end(body)
    }
  }
}

async function probe(t: Test, script: string, answer: RequestListener) {
  const requests: Pick<IncomingMessage, 'method' | 'url'>[] = []
  const server = createServer((request, response) => {
    requests.push({ method: request.method, url: request.url })
    t.match(request.headers.authorization, /^AWS4-HMAC-SHA256 Credential=admin\//)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const { code, output } = await run(script, `http://127.0.0.1:${port}`)
  server.closeAllConnections()
  server.close()
  t.notOk(output.includes(SECRET))
  return { code, requests }
}

function run(script: string, url: string): Promise<{ code: number; output: string }> {
  const env = {
    PATH: process.env['PATH'],
    S3_URL: url,
    AWS_ACCESS_KEY_ID: 'admin',
    AWS_SECRET_ACCESS_KEY: SECRET
  }
  return new Promise((resolve) => {
    execFile('/bin/sh', [`${PROBES}/${script}`], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr })
    )
  })
}
