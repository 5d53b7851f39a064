import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { bundledMain } from '../test/fixtures/bundled.ts'

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
  const main = await bundledMain()
  const dist = dirname(main)
  const compileCache = join(dirname(dist), 'compile-cache')
  const env = { ...process.env, NODE_ENV: 'production', NODE_COMPILE_CACHE: compileCache }
  await promisify(execFile)(process.execPath, [join(dist, 'warm-up.js')], { env })
  return { main, compileCache }
}
