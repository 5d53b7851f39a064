import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { baseImages } from './base-images.ts'
import { docker, tryDocker } from './docker.ts'

const IMAGE = 's3-profile-controller-test/image'
const START_MS = 60_000
const CONTEXT = fileURLToPath(new URL('../..', import.meta.url))
/** As a careful cluster runs it. */
const HARDENED = [
  ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
  ...['--network', 'host']
]

const lack = await missingDocker()
if (lack === undefined) await testImage()
else if (process.env['CI']) t.fail(lack)
else t.plan(0, lack)

async function missingDocker(): Promise<string | undefined> {
  const answer = await tryDocker('info').catch((error: Error) => ({
    code: 1,
    stderr: error.message
  }))
  return answer.code === 0 ? undefined : `no Docker engine: ${answer.stderr.trim().split('\n')[0]}`
}

async function testImage(): Promise<void> {
  const bases = await baseImages(await readFile(`${CONTEXT}/Dockerfile`, 'utf8'))
  t.comment(`on ${bases.description}`)
  await docker('build', '--force-rm', ...bases.arguments, '--tag', IMAGE, CONTEXT)

  t.test('the image is configured for a careful cluster', async (t) => {
    const [image] = JSON.parse(await docker('image', 'inspect', IMAGE))
    t.match(image.Config.User, /^[1-9]\d*(:[1-9]\d*)?$/, 'a numeric user who is not root')
    t.same(image.Config.Entrypoint, ['node', 'src/main.ts'], 'no shell')
    t.notOk(image.Config.Cmd, 'and nothing more')
    t.notOk(image.Config.Healthcheck, 'probes belong to Kubernetes')
  })

  t.test('the image holds what production needs and nothing else', async (t) => {
    const list = "JSON.stringify([fs.readdirSync('.').sort(), fs.existsSync('node_modules/tap')])"
    const answer = await docker('run', '--rm', '--entrypoint', 'node', IMAGE, '--print', list)
    t.same(JSON.parse(answer), [['node_modules', 'package.json', 'src'], false])
  })

  t.test('without its environment the container says what is missing and ends', async (t) => {
    const { code, stdout, stderr } = await tryDocker('run', '--rm', ...HARDENED, IMAGE)
    t.equal(code, 1)
    t.match(`${stdout}${stderr}`, /^Invalid environment: [^\n]+\n$/, 'one line')
  })

  t.test('the container serves without root, capabilities or a file to write', async (t) => {
    const { id, address } = await startContainer(t)
    await waitUntilAlive(address, id)

    t.equal((await fetch(`${address}/healthz`)).status, 200)
    const ready = await fetch(`${address}/readyz`)
    t.equal(ready.status, 503, 'not ready without a store')
    const { message } = (await ready.json()) as { message: string }
    t.match(message, /^[A-Z][^\n]+[^.\n]$/, 'one sentence')

    const [, process] = (await docker('top', id, '-o', 'uid,pid,args')).split('\n')
    t.match(process, /^\s*[1-9]\d* /, 'no process of root')

    await docker('stop', '--time', '20', id)
    const state = JSON.parse(await docker('inspect', '--format', '{{json .State}}', id))
    t.equal(state.ExitCode, 0, 'ends by itself when asked to')
  })
}

async function startContainer(t: Test): Promise<{ id: string; address: string }> {
  const port = await freePort()
  // Nobody listens there.
  const store = `http://127.0.0.1:${await freePort()}`
  const environment = {
    HOST: '127.0.0.1',
    PORT: String(port),
    HOOK_TOKEN: randomBytes(16).toString('hex'),
    CREDENTIAL_ROOT_KEY: randomBytes(32).toString('hex'),
    AWS_ENDPOINT_URL_S3: store,
    AWS_ENDPOINT_URL_IAM: store,
    AWS_ACCESS_KEY_ID: 'admin',
    AWS_SECRET_ACCESS_KEY: 'unused'
  }
  const variables = Object.entries(environment).flatMap(([name, value]) => [
    '--env',
    `${name}=${value}`
  ])
  const id = await docker('run', '--detach', ...HARDENED, ...variables, IMAGE)
  t.teardown(() => docker('rm', '--force', id))
  return { id, address: `http://127.0.0.1:${port}` }
}

async function waitUntilAlive(address: string, id: string): Promise<void> {
  const deadline = performance.now() + START_MS
  for (;;) {
    try {
      await fetch(`${address}/healthz`)
      return
    } catch (error) {
      if (performance.now() > deadline) {
        const { stdout, stderr } = await tryDocker('logs', id)
        throw new Error(`The container does not answer: ${stdout}${stderr}`, { cause: error })
      }
      await pause(200)
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
