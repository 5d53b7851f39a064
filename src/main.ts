import { parseArgs } from 'node:util'
import { serve } from './commands/serve.ts'
import { usualSideDoors } from './commands/surroundings.ts'
import { verify } from './commands/verify.ts'
import { exitCodeOf, FAILED, reportText } from './commands/verify-report.ts'
import { type Config, loadConfig } from './config.ts'
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
  const config = configOrExit(FAILED)
  const interrupted = new AbortController()
  // The marks are removed first; whoever signals twice does not want to wait for that.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new Error('Interrupted; the marks are removed')))
  }
  try {
    const { values, positionals } = verifyArguments(args)
    const { s3Endpoint, iamEndpoint } = config.store
    const usual = usualSideDoors([s3Endpoint, iamEndpoint])
    const store = buildSeaweedFs(config.store, config.profile.commonBucket, () => {})
    const report = await verify(config, store, {
      namespaces: positionals,
      sideDoors: { ...usual, ...values.doors },
      onProgress: (line) => process.stderr.write(`${line}\n`),
      signal: interrupted.signal
    })
    process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report))
    process.exitCode = exitCodeOf(report)
  } catch (error) {
    exit(FAILED, (error as Error).message)
  }
}

/** @throws TypeError that names the option which is not one */
function verifyArguments(args: string[]) {
  const text = { type: 'string', multiple: true } as const
  const options = { json: { type: 'boolean' }, filer: text, master: text, volume: text } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const { json = false, ...doors } = values
  return { values: { json, doors }, positionals }
}

function configOrExit(code: number): Config {
  try {
    return loadConfig(process.env)
  } catch (error) {
    return exit(code, (error as Error).message)
  }
}

function exit(code: number, message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}
