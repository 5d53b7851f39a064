import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createGzip } from 'node:zlib'
import { baseImages } from '../test/image/base-images.ts'
import { docker, tryDocker } from '../test/image/docker.ts'
import type { Results } from './results.ts'

const IMAGE = 's3-profile-controller-bench/image'
const CONTEXT = fileURLToPath(new URL('..', import.meta.url))

/** The image as a registry would keep it: compressed. */
export async function image(): Promise<Results> {
  const row = { work: 'image, compressed', unit: 'MB', target: { figure: 80 } }
  const engine = await tryDocker('info').catch(() => undefined)
  if (engine?.code !== 0) return { rows: [{ ...row, ours: { skipped: 'no Docker engine' } }] }
  const bases = await baseImages(await readFile(`${CONTEXT}/Dockerfile`, 'utf8'))
  await docker('build', '--force-rm', ...bases.arguments, '--tag', IMAGE, CONTEXT)
  const ours = (await compressedBytes(IMAGE)) / 1e6
  return { rows: [{ ...row, ours, note: `on ${bases.description}` }] }
}

async function compressedBytes(name: string): Promise<number> {
  const { stdout } = spawn('docker', ['save', name], { stdio: ['ignore', 'pipe', 'inherit'] })
  let bytes = 0
  for await (const chunk of stdout.pipe(createGzip())) bytes += chunk.length
  return bytes
}
