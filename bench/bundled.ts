import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundle } from '../build/bundle.ts'

/** This service as it is in its image. */
export interface Bundled {
  readonly main: string
  /** With all that Node compiles for it. */
  readonly compileCache: string
}

let made: Promise<Bundled> | undefined

/** Made once a run, and removed at its end. */
export function bundled(): Promise<Bundled> {
  made ??= make()
  return made
}

async function make(): Promise<Bundled> {
  const folder = await mkdtemp(join(tmpdir(), 'bundle-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const [dist, compileCache] = [join(folder, 'dist'), join(folder, 'compile-cache')]
  await bundle(dist)
  const env = { ...process.env, NODE_ENV: 'production', NODE_COMPILE_CACHE: compileCache }
  await promisify(execFile)(process.execPath, [join(dist, 'warm-up.js')], { env })
  return { main: join(dist, 'main.js'), compileCache }
}
