import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { baseImages } from './base-images.ts'
import { docker, outputOf, tryDocker } from './docker.ts'

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
    t.same(image.Config.Entrypoint, ['node', 'dist/main.js'], 'no shell')
    t.notOk(image.Config.Cmd, 'and nothing more')
    t.notOk(image.Config.Healthcheck, 'probes belong to Kubernetes')
  })

  t.test('the image holds what production needs and nothing else', async (t) => {
    const list = "JSON.stringify([fs.readdirSync('.').sort(), fs.existsSync('dist/LICENSES')])"
    const answer = await docker('run', '--rm', '--entrypoint', 'node', IMAGE, '--print', list)
    t.same(JSON.parse(answer), [['compile-cache', 'dist'], true])
  })

  t.test('the image has nothing to build, to install or to break in with', async (t) => {
    const id = await docker('create', IMAGE)
    t.teardown(() => docker('rm', '--force', id))
    const files = await filesOf(id)
    const names = files.map(({ path }) => path)
    // A list that could not be read must not pass for a clean one.
    t.ok(names.includes('app/dist/main.js'), `${names.length} files looked at`)
    t.same(names.filter(isTool), [], 'no compiler, no package manager, no shell, no way to fetch')
    t.same(names.filter(isNative), [], 'nothing compiled for one kind of processor but Node itself')
    t.same(names.filter(isSecret), [], 'no key, no token, no settings of npm')
    const privileged = files.filter(({ mode }) => /s/i.test(mode)).map(({ path }) => path)
    t.same(privileged, [], 'no program that makes root of its caller')

    const { Size: size } = JSON.parse(await docker('image', 'inspect', IMAGE))[0]
    const ours = files.filter(({ path }) => path.startsWith('app/'))
    const bytes = ours.reduce((sum, file) => sum + file.bytes, 0)
    t.comment(
      `${megabytes(size)}, ${megabytes(bytes)} of it ours; KFP's alpine/k8s: see the release`
    )
  })

  t.test('without its environment the container says what is missing and ends', async (t) => {
    const { code, stdout, stderr } = await tryDocker('run', '--rm', ...HARDENED, IMAGE)
    t.equal(code, 1)
    t.match(`${stdout}${stderr}`, /^Invalid environment: [^\n]+\n$/, 'one line')
  })

  t.test('every command is there, and says in one sentence what it lacks', async (t) => {
    for (const command of ['verify', 'sweep', 'adopt', 'doctor', 'init-secrets']) {
      const { code, stdout, stderr } = await tryDocker('run', '--rm', ...HARDENED, IMAGE, command)
      t.not(code, 0)
      t.match(
        `${stdout}${stderr}`,
        /^(Invalid environment: |This runs in a pod )[^\n]+\n$/,
        command
      )
    }
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

interface File {
  readonly mode: string
  readonly bytes: number
  readonly path: string
}

async function filesOf(container: string): Promise<File[]> {
  const list = await outputOf('sh', '-c', `docker export ${container} | tar --list --verbose`)
  return list.split('\n').flatMap((line) => {
    const [mode = '', , bytes, , , ...path] = line.split(/\s+/)
    return mode.startsWith('d') ? [] : [{ mode, bytes: Number(bytes), path: path.join(' ') }]
  })
}

const TOOLS =
  'sh ash bash dash busybox cc gcc g++ clang make ld as go rustc python python3 perl apk apt apt-get dpkg npm npx pip curl wget kubectl'

function isTool(path: string): boolean {
  return /(^|\/)s?bin\/[^/]+$/.test(path) && TOOLS.split(' ').includes(path.replace(/.*\//, ''))
}

/** node_modules/.bin holds links to scripts of packages; of programs of their own there must be none. */
function isNative(path: string): boolean {
  return path.startsWith('app/') && /\.(node|so|a|o)(\.|$)/.test(path)
}

function isSecret(path: string): boolean {
  return /(^|\/)(\.npmrc|\.netrc|\.env[^/]*|id_[a-z0-9]+|[^/]+\.(key|p12|pfx))$/.test(path)
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
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
