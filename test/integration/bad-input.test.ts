import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { SeaweedFs } from '../../dev/seaweedfs.ts'
import { environment } from '../fixtures/builders.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { refusingSettings } from '../fixtures/stub-store.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** Within which a wrong setting must be told. */
const PATIENCE_MS = 30_000
const HOUR_MS = 3_600_000

interface LogLine {
  readonly msg: string
}

/** The service as a pod runs it; what it logs, and how it answers a probe. */
async function startPod(t: Test, seaweedFs: SeaweedFs, overrides: Record<string, string>) {
  const { s3Endpoint, iamEndpoint, admin } = seaweedFs
  const env = environment({
    HOST: '127.0.0.1',
    PORT: '0',
    AUDIT_INTERVAL: '0s',
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    AWS_ENDPOINT_URL_IAM: iamEndpoint,
    AWS_ACCESS_KEY_ID: admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: admin.secretAccessKey,
    ...overrides
  })
  const child = spawn(process.execPath, [MAIN], { env })
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  child.stdout.on('data', (chunk) => {
    log += chunk
  })
  const lines = () =>
    log
      .split('\n')
      .slice(0, -1)
      .map((line): LogLine => JSON.parse(line))
  /** @throws when there is no such line within 30 s */
  async function line(pattern: RegExp): Promise<string> {
    const patience = AbortSignal.timeout(PATIENCE_MS)
    for (;;) {
      const found = lines().find(({ msg }) => pattern.test(msg))
      if (found !== undefined) return found.msg
      await once(child.stdout, 'data', { signal: patience })
    }
  }
  const listening = await line(/^Server listening at /)
  const url = listening.replace('Server listening at ', '')
  return {
    line,
    probe: () => fetch(`${url}/readyz`),
    news: () => lines().filter(({ msg }) => /^(Not ready|Ready again)/.test(msg)),
    log: () => log,
    async stop() {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
  }
}

/** A store that is as old as the one of KFP 2.15, or anything else that answers so. */
async function answering(t: Test, status: number, body: string, server: string): Promise<string> {
  const http = createServer((request, response) => {
    request.resume()
    response.writeHead(status, { server }).end(body)
  }).listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

/** The whole process, an hour or two off. */
function clockOff(milliseconds: number): string {
  const code = `const Real = Date
globalThis.Date = class extends Real {
  constructor(...given) { given.length > 0 ? super(...given) : super(Real.now() + ${milliseconds}) }
  static now() { return Real.now() + ${milliseconds} }
}`
  return `--import=data:text/javascript;base64,${Buffer.from(code).toString('base64')}`
}

type Case = readonly [what: string, overrides: Record<string, string>, sentence: RegExp]

async function tells(t: Test, seaweedFs: SeaweedFs, [what, overrides, sentence]: Case) {
  await t.test(`${what} is told by one line and by /readyz`, async (t) => {
    const pod = await startPod(t, seaweedFs, overrides)
    const told = (await pod.line(/^Not ready: /)).replace('Not ready: ', '')
    t.match(told, sentence)
    t.notMatch(told, /\n/)
    const response = await pod.probe()
    t.equal(response.status, 503)
    t.same(await response.json(), {
      statusCode: 503,
      code: 'S3P_NOT_READY',
      error: 'Service Unavailable',
      message: told
    })
    t.equal(pod.news().length, 1, 'once, however often it is probed')
    t.notOk(pod.log().includes(seaweedFs.admin.secretAccessKey), 'no secret')
    await pod.stop()
  })
}

t.test('a store as Kubeflow Pipelines installs it', async (t) => {
  const seaweedFs = await realSeaweedFs(t, { version: '4.34', topology: 'single-gateway' })
  if (seaweedFs === undefined) return
  const { s3Endpoint, standaloneIamEndpoint = '', sideDoors, admin } = seaweedFs
  const { s3Endpoint: nowhere } = await refusingSettings()
  const tls = s3Endpoint.replace('http:', 'https:')
  const notThere = '<Error><Code>NoSuchKey</Code></Error>'
  const old = await answering(t, 404, notThere, 'SeaweedFS 8000GB 4.00')
  const hook = await answering(t, 404, '{"message":"Route GET:/ not found"}', '')
  const cases: Case[] = [
    [
      'read-only IAM',
      { AWS_ENDPOINT_URL_IAM: s3Endpoint },
      /^AWS_ENDPOINT_URL_IAM: IAM at .* is read-only; start it with -s3\.iam\.readOnly=false/
    ],
    [
      'a store that is too old',
      { AWS_ENDPOINT_URL_S3: old },
      /^SeaweedFS 4\.00 at AWS_ENDPOINT_URL_S3 is too old/
    ],
    [
      'a host that is not there',
      { AWS_ENDPOINT_URL_S3: 'http://seaweedfs.invalid:8333' },
      /^AWS_ENDPOINT_URL_S3: (there is no|the) host seaweedfs\.invalid/
    ],
    ['a refused port', { AWS_ENDPOINT_URL_S3: nowhere }, /^AWS_ENDPOINT_URL_S3: nobody listens at/],
    ['another', { AWS_ENDPOINT_URL_IAM: nowhere }, /^AWS_ENDPOINT_URL_IAM: nobody listens at/],
    ['TLS to a port without', { AWS_ENDPOINT_URL_S3: tls }, /^AWS_ENDPOINT_URL_S3: .*write http:/],
    [
      'the filer',
      { AWS_ENDPOINT_URL_S3: sideDoors.filer },
      /^AWS_ENDPOINT_URL_S3: .* not the S3 API/
    ],
    [
      'the master',
      { AWS_ENDPOINT_URL_S3: sideDoors.master },
      /^AWS_ENDPOINT_URL_S3: .* not the S3 A/
    ],
    [
      'a volume',
      { AWS_ENDPOINT_URL_S3: sideDoors.volume },
      /^AWS_ENDPOINT_URL_S3: .* not the S3 API/
    ],
    [
      'the IAM port',
      { AWS_ENDPOINT_URL_S3: standaloneIamEndpoint },
      /^AWS_ENDPOINT_URL_S3: .* not th/
    ],
    [
      'the filer for IAM',
      { AWS_ENDPOINT_URL_IAM: sideDoors.filer },
      /^AWS_ENDPOINT_URL_IAM: .* not t/
    ],
    [
      'the master for IAM',
      { AWS_ENDPOINT_URL_IAM: sideDoors.master },
      /^AWS_ENDPOINT_URL_IAM: .* not/
    ],
    ['another hook', { AWS_ENDPOINT_URL_S3: hook }, /^AWS_ENDPOINT_URL_S3: .* not the S3 API/],
    [
      'an unknown admin',
      { AWS_ACCESS_KEY_ID: 'UNKNOWNKEY' },
      /^AWS_ACCESS_KEY_ID: .* does not know/
    ],
    [
      'another secret',
      { AWS_SECRET_ACCESS_KEY: `${admin.secretAccessKey}x` },
      /^AWS_SECRET_ACCESS_KEY: /
    ],
    [
      'a clock that is ahead',
      { NODE_OPTIONS: clockOff(2 * HOUR_MS) },
      /^The clock here is 120 min ah/
    ],
    [
      'a clock that is behind',
      { NODE_OPTIONS: clockOff(-HOUR_MS) },
      /^The clock here is 60 min behi/
    ]
  ]
  for (const one of cases) await tells(t, seaweedFs, one)

  await t.test('a store that goes and comes back is one line each', async (t) => {
    const pod = await startPod(t, seaweedFs, {})
    t.equal((await pod.probe()).status, 200)
    const becomes = async (status: number) => {
      while ((await pod.probe()).status !== status) await pause(100)
    }
    await seaweedFs.kill()
    await becomes(503)
    await Promise.all([seaweedFs.start(), becomes(200)])
    await pod.line(/^Ready again/)
    const news = pod.news().map(({ msg }) => msg)
    t.match(news[0], /^Not ready: AWS_ENDPOINT_URL_S3: /)
    t.equal(news.filter((msg, index) => msg === news[index - 1]).length, 0, 'nothing twice')
    t.match(news.at(-1), /^Ready again/)
  })
})

t.test('a store of our own', async (t) => {
  const seaweedFs = await realSeaweedFs(t)
  if (seaweedFs === undefined) return
  await tells(t, seaweedFs, [
    'a gateway without IAM',
    { AWS_ENDPOINT_URL_IAM: seaweedFs.s3Endpoint },
    /^AWS_ENDPOINT_URL_IAM: .* serves no IAM \(HTTP 405\)/
  ])
  await t.test('is ready as it is', async (t) => {
    const pod = await startPod(t, seaweedFs, {})
    t.equal((await pod.probe()).status, 200)
    t.same(pod.news(), [])
  })
})
