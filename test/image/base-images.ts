import { chmod, cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { docker, outputOf, tryDocker } from './docker.ts'

export interface BaseImages {
  readonly description: string
  /** Arguments of `docker build` that select them. */
  readonly arguments: readonly string[]
}

const STAND_IN_BASE = 's3-profile-controller-test/base'
const STAND_IN_BUILD = 's3-profile-controller-test/build'
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

/** The images that the Dockerfile names or, where they cannot be pulled, stand-ins for them. */
export async function baseImages(dockerfile: string): Promise<BaseImages> {
  const named = [...dockerfile.matchAll(/^ARG \w+_IMAGE=(\S+)$/gm)].map(([, name]) => String(name))
  const has = await Promise.all(named.map(isPresentOrPulled))
  if (has.every(Boolean)) return { description: named.join(' and '), arguments: [] }
  await importBase()
  await importBuild()
  return {
    description: `stand-ins for ${named.join(' and ')}, made of the Node and npm that run this test`,
    arguments: [
      ...['--build-arg', `BASE_IMAGE=${STAND_IN_BASE}`],
      ...['--build-arg', `BUILD_IMAGE=${STAND_IN_BUILD}`],
      // What reaches the npm registry from here is this machine's network.
      ...['--network', 'host']
    ]
  }
}

async function isPresentOrPulled(image: string): Promise<boolean> {
  const { code } = await tryDocker('image', 'inspect', image)
  return code === 0 || (await tryDocker('pull', '--quiet', image)).code === 0
}

/** Like distroless: Node where distroless has it, the libraries it needs, and nothing else. */
async function importBase(): Promise<void> {
  await importImage(STAND_IN_BASE, 'scratch', async (root) => {
    await add(root, process.execPath, '/nodejs/bin/node')
    const libraries = await outputOf('ldd', process.execPath)
    for (const [path] of libraries.matchAll(/\/\S+(?= \()/g)) await add(root, path, path)
    await addText(root, '/etc/passwd', 'root:x:0:0:root:/root:/none\n')
    await addText(root, '/etc/nsswitch.conf', 'hosts: files dns\n')
    await mkdir(join(root, 'tmp'))
    await chmod(join(root, 'tmp'), 0o1777)
  })
}

/** That and npm, which reaches its registry the way this machine's npm does. */
async function importBuild(): Promise<void> {
  const program = await realpath((await outputOf('which', 'npm')).trim())
  const npm = dirname(dirname(program))
  const registry = await outputOf('npm', 'config', 'get', 'registry')
  const certificates = await certificatesOfNpm()
  await importImage(STAND_IN_BUILD, STAND_IN_BASE, async (root) => {
    await add(root, npm, '/npm')
    await addText(
      root,
      '/usr/local/bin/npm',
      "#!/nodejs/bin/node\nrequire('/npm/lib/cli.js')(process)\n"
    )
    await chmod(join(root, '/usr/local/bin/npm'), 0o755)
    if (certificates) await add(root, certificates, CERTIFICATES)
    const settings = [`registry=${registry}`, ...(certificates ? [`cafile=${CERTIFICATES}`] : [])]
    await addText(root, '/root/.npmrc', `${settings.join('\n')}\n`)
  })
}

async function certificatesOfNpm(): Promise<string | undefined> {
  const configured = await outputOf('npm', 'config', 'get', 'cafile')
  return configured === 'null' ? process.env['NODE_EXTRA_CA_CERTS'] : configured
}

async function importImage(
  name: string,
  from: string,
  fill: (root: string) => Promise<void>
): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), 'image-'))
  const root = join(context, 'root')
  try {
    await mkdir(root)
    await fill(root)
    const lines = [`FROM ${from}`, 'COPY root /', 'ENV PATH=/nodejs/bin:/usr/local/bin HOME=/root']
    await writeFile(join(context, 'Dockerfile'), `${lines.join('\n')}\n`)
    await docker('build', '--quiet', '--tag', name, context)
  } finally {
    await rm(context, { recursive: true, force: true })
  }
}

async function add(root: string, from: string, to: string): Promise<void> {
  await mkdir(dirname(join(root, to)), { recursive: true })
  await cp(from, join(root, to), { recursive: true, dereference: true })
}

async function addText(root: string, to: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, to)), { recursive: true })
  await writeFile(join(root, to), text)
}
