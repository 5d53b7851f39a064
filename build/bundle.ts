import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin, stop } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PROTOS = 'src/object-store/proto'
/** What CommonJS packages expect to be there. */
const COMMON_JS = [
  "import { createRequire } from 'node:module'",
  "import { dirname as folderOf } from 'node:path'",
  'const require = createRequire(import.meta.url)',
  'const __filename = import.meta.filename',
  'const __dirname = folderOf(__filename)'
].join('\n')

/**
 * `node:http` as CommonJS: imported as a module, it has all that it exports looked at, and with that Node's browser-like
 * clients loaded, which nobody here uses.
 */
const HTTP_ALONE: Plugin = {
  name: 'http-alone',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:http$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'http-alone' } : undefined
    )
    onLoad({ filter: /./, namespace: 'http-alone' }, () => ({
      contents: "module.exports = require('node:http')"
    }))
  }
}

/**
 * The service in a few files, as its image runs it: to find, read and strip some hundred modules takes longer than all
 * else at its start. What is loaded only when it is needed stays in a file of its own; names stay as they are, for
 * stack traces.
 */
export async function bundle(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/main.ts', 'build/warm-up.ts'],
    entryNames: '[name]',
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: { js: COMMON_JS },
    plugins: [HTTP_ALONE],
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning'
  })
  await stop()
  await writeFile(join(folder, 'package.json'), '{"type":"module"}\n')
  await cp(join(ROOT, PROTOS), join(folder, 'proto'), { recursive: true })
  await writeFile(join(folder, 'LICENSES'), await licenses(Object.keys(metafile.inputs)))
}

/** Those of all packages that something was taken of: they want to go with it. */
async function licenses(inputs: readonly string[]): Promise<string> {
  const packages = new Set(
    inputs.flatMap((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [])
  )
  const texts = await Promise.all([...packages].sort().map(licenseOf))
  return texts.join('\n')
}

/** @throws Error when a package has no text of its licence */
async function licenseOf(path: string): Promise<string> {
  const folder = join(ROOT, path)
  const { name, version, license, repository } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8')
  )
  const head = `${name} ${version} (${license}), ${repository?.url ?? repository}`
  const files = await readdir(folder)
  const texts = await Promise.all(
    files
      .filter((file) => /^(licen[cs]e|notice|readme)/i.test(file))
      .map((file) => readFile(join(folder, file), 'utf8').then((text) => licenseIn(file, text)))
  )
  const found = texts.filter((text) => text !== '')
  // AWS's SDK is of one author under one licence, whose text most of its packages have.
  if (found.length === 0 && !name.startsWith('@aws-sdk/')) throw new Error(`${name}: no licence`)
  return [head, ...found].join('\n\n')
}

/** Some have it in their README alone. */
function licenseIn(file: string, text: string): string {
  return /^readme/i.test(file) ? (/^#+ licen[cs]e.*/ims.exec(text)?.[0] ?? '') : text
}

if (import.meta.main) await bundle(process.argv[2] ?? join(ROOT, 'dist'))
