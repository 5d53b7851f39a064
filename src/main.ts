import { parseArgs } from 'node:util'
import { FAILED } from './commands/exit-codes.ts'
import { printable } from './commands/printable.ts'
import { serve } from './commands/serve.ts'
import { usualSideDoors } from './commands/surroundings.ts'
import { verify } from './commands/verify.ts'
import { exitCodeOf, reportJson, reportText } from './commands/verify-report.ts'
import { type Config, isEndpoint, loadConfig } from './config.ts'
import { buildSeaweedFs } from './object-store/seaweedfs.ts'

const USAGE = `Usage: node src/main.ts [serve]
       node src/main.ts verify [--json] [--filer <url>] [--master <url>] [--volume <url>] [profile...]`

const [command = 'serve', ...rest] = process.argv.slice(2)
if (command === 'serve') await serveCommand()
else if (command === 'verify') await verifyCommand(rest)
else exit(FAILED, `There is no command ${JSON.stringify(command)}\n${USAGE}`)

async function serveCommand(): Promise<void> {
  const config = configOrExit(1)
  await serve(config).catch((error: Error) => exit(1, error.message))
}

async function verifyCommand(args: string[]): Promise<void> {
  const { json, named, namespaces } = verifyArguments(args)
  const config = configOrExit(FAILED)
  // Whoever reads may have read enough, as `head` has: that ends neither the run, which has marks to remove,
  // nor what the exit code says.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code !== 'EPIPE') exit(FAILED, `The report cannot be written: ${message}`)
    })
  }
  const interrupted = new AbortController()
  // The marks are removed first; whoever signals twice does not want to wait for that.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new Error('Interrupted; the marks are removed')))
  }
  try {
    const { s3Endpoint, iamEndpoint } = config.store
    const usual = usualSideDoors([s3Endpoint, iamEndpoint])
    const store = buildSeaweedFs(config.store, config.profile.commonBucket, () => {})
    const report = await verify(config, store, {
      namespaces,
      sideDoors: { ...usual, ...named },
      onProgress: (line) => process.stderr.write(`${line}\n`),
      signal: interrupted.signal
    })
    process.stdout.write(json ? reportJson(report) : reportText(report))
    process.exitCode = exitCodeOf(report)
  } catch (error) {
    exit(FAILED, (error as Error).message)
  }
}

function verifyArguments(args: string[]) {
  const text = { type: 'string', multiple: true } as const
  const options = { json: { type: 'boolean' }, filer: text, master: text, volume: text } as const
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const { json = false, ...named } = values
    for (const [door, urls] of Object.entries(named)) {
      const faulty = urls.find((url) => !isEndpoint(url))
      if (faulty !== undefined) throw new Error(`--${door} must be a URL without a path`)
    }
    return { json, named, namespaces: positionals }
  } catch (error) {
    // Its first sentence says it; the others are about quoting.
    const [sentence] = (error as Error).message.split(/[.\n]/)
    return exit(FAILED, `${sentence}\n${USAGE}`)
  }
}

function configOrExit(code: number): Config {
  try {
    return loadConfig(process.env)
  } catch (error) {
    return exit(code, (error as Error).message)
  }
}

function exit(code: number, message: string): never {
  process.stderr.write(`${message.split('\n').map(printable).join('\n')}\n`)
  process.exit(code)
}
