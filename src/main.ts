import { relative } from 'node:path'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { ClusterObject } from './commands/doctor-cluster.ts'
import { CLEAN, FAILED } from './commands/exit-codes.ts'
import type { InitOutcome } from './commands/init-secrets.ts'
import { printable } from './commands/printable.ts'
import { serve } from './commands/serve.ts'
import { type Config, identityUrlOf, loadConfig } from './config.ts'
import { isEndpoint } from './environment.ts'
import { CommandFailed } from './errors.ts'
import type { ObjectStore } from './object-store/object-store.ts'
import { buildSeaweedFs } from './object-store/seaweedfs.ts'

// The other commands are loaded when they are called: the service need not wait for them.

const PROGRAM = `node ${relative('', String(process.argv[1]))}`
const USAGE = `Usage: ${PROGRAM} [serve]
       ${PROGRAM} verify [--json] [--filer <url>] [--master <url>] [--volume <url>] [profile...]
       kubectl get profiles.kubeflow.org,namespaces -o json | ${PROGRAM} sweep [--apply] [--data] [--even-most]
       kubectl get profiles.kubeflow.org -o json | ${PROGRAM} adopt [--parent namespace|profile]
       [kubectl get … |] ${PROGRAM} doctor [--json] [--filer <url>] [--master <url>] [--volume <url>]
       ${PROGRAM} init-secrets [--service-account <folder>]`

const [command = 'serve', ...rest] = process.argv.slice(2)
const commands: Readonly<Record<string, (args: string[]) => Promise<void>>> = {
  serve: serveCommand,
  verify: verifyCommand,
  sweep: sweepCommand,
  adopt: adoptCommand,
  doctor: doctorCommand,
  'init-secrets': initSecretsCommand
}
const chosen = Object.hasOwn(commands, command) ? commands[command] : undefined
if (chosen === undefined) exit(FAILED, `There is no command ${JSON.stringify(command)}\n${USAGE}`)
await chosen(rest)

async function serveCommand(): Promise<void> {
  const config = configOrExit(1)
  await serve(config).catch((error: Error) => exit(1, error.message))
}

async function verifyCommand(args: string[]): Promise<void> {
  const { verify } = await import('./commands/verify.ts')
  const { exitCodeOf, reportJson, reportText } = await import('./commands/verify-report.ts')
  const { json, sideDoors, positionals } = await reportArguments(args, true)
  // The marks are removed first; whoever signals twice does not want to wait for that.
  await run('Interrupted; the marks are removed', async (config, store, signal) => {
    const report = await verify(config, store, {
      namespaces: positionals,
      sideDoors: sideDoors(config),
      onProgress,
      signal
    })
    process.stdout.write(json ? reportJson(report) : reportText(report))
    return exitCodeOf(report)
  })
}

async function doctorCommand(args: string[]): Promise<void> {
  const { objectsIn, pipedText } = await import('./commands/cluster-list.ts')
  const { doctor } = await import('./commands/doctor.ts')
  const { doctorJson, doctorText, exitCodeOfDoctor } = await import('./commands/doctor-report.ts')
  const { json, sideDoors } = await reportArguments(args, false)
  const list = await pipedText(process.stdin)
  await run('Interrupted; the trial user is removed', async (config, store, signal) => {
    const findings = await doctor(config, store, {
      objects:
        list.trim() === '' ? undefined : objectsIn(list).map((item): ClusterObject => Object(item)),
      sideDoors: sideDoors(config),
      signal
    })
    process.stdout.write(json ? doctorJson(findings) : doctorText(findings))
    return exitCodeOfDoctor(findings)
  })
}

/** Of the commands that look at side doors: at the usual ones, or at those named. */
async function reportArguments(args: string[], allowPositionals: boolean) {
  const { usualSideDoors } = await import('./commands/surroundings.ts')
  const urls = { type: 'string', multiple: true } as const
  const options = { json: { type: 'boolean' }, filer: urls, master: urls, volume: urls } as const
  const { values, positionals } = argumentsOrExit({ args, options, allowPositionals })
  const { json = false, ...named } = values
  for (const [door, urls] of Object.entries(named)) {
    const faulty = urls.find((url) => !isEndpoint(url))
    if (faulty !== undefined) exit(FAILED, `--${door} must be a URL without a path\n${USAGE}`)
  }
  const sideDoors = ({ store }: Config) => ({
    ...usualSideDoors([store.s3Endpoint, identityUrlOf(store)]),
    ...named
  })
  return { json, sideDoors, positionals }
}

async function sweepCommand(args: string[]): Promise<void> {
  const { applySweep } = await import('./commands/apply-sweep.ts')
  const { ensureWhole, parentsIn, pipedText } = await import('./commands/cluster-list.ts')
  const { planSweep } = await import('./commands/sweep.ts')
  const { adviceText, exitCodeOfOutcome, exitCodeOfPlan, outcomeText, planText } = await import(
    './commands/sweep-report.ts'
  )
  const flag = { type: 'boolean' } as const
  const options = { apply: flag, data: flag, 'even-most': flag } as const
  const { apply = false, data = false, ...others } = argumentsOrExit({ args, options }).values
  const { 'even-most': evenMost = false } = others
  const list = await pipedText(process.stdin)
  const interruption = 'Interrupted; what is done stays done, and the next run goes on'
  await run(interruption, async (config, store, signal) => {
    const parents = parentsIn(list)
    ensureWhole(parents)
    const now = Math.floor(Date.now() / 1000)
    const plan = await planSweep(config, store, parents, {
      deletesData: data,
      now,
      onProgress,
      signal
    })
    process.stdout.write(planText(plan))
    if (!apply) {
      process.stdout.write(adviceText(plan))
      return exitCodeOfPlan(plan)
    }
    const outcomes = await applySweep(plan, store, { evenMost, onProgress, signal })
    process.stdout.write(outcomeText(plan, outcomes))
    return exitCodeOfOutcome(plan, outcomes)
  })
}

async function adoptCommand(args: string[]): Promise<void> {
  const { planAdoption } = await import('./commands/adopt.ts')
  const { kindToAnnotate, scriptFor, summaryOf } = await import('./commands/adopt-script.ts')
  const { parentsIn, pipedText } = await import('./commands/cluster-list.ts')
  const options = { parent: { type: 'string' } } as const
  const { parent } = argumentsOrExit({ args, options }).values
  const list = await pipedText(process.stdin)
  await run('Interrupted', async (config, _store, signal) => {
    const parents = list.trim() === '' ? undefined : parentsIn(list)
    const kind = kindToAnnotate(parent, parents)
    const adoptions = await planAdoption(config, parents, signal)
    process.stdout.write(scriptFor(adoptions, kind))
    onProgress(summaryOf(adoptions))
    return CLEAN
  })
}

/** Makes what the environment of the others is filled from, and so needs none of it. */
async function initSecretsCommand(args: string[]): Promise<void> {
  const { initSecrets } = await import('./commands/init-secrets.ts')
  const { exitCodeOfInit, initSecretText } = await import('./commands/init-secrets-report.ts')
  const { connectFromPod, SERVICE_ACCOUNT_FOLDER } = await import('./commands/kubernetes-api.ts')
  const options = {
    'service-account': { type: 'string', default: SERVICE_ACCOUNT_FOLDER }
  } as const
  const { values } = argumentsOrExit({ args, options })
  try {
    const api = await connectFromPod(process.env, values['service-account'])
    const outcomes: InitOutcome[] = []
    for await (const outcome of initSecrets(api)) {
      process.stdout.write(initSecretText(outcome))
      outcomes.push(outcome)
    }
    process.exitCode = exitCodeOfInit(outcomes)
  } catch (error) {
    exit(FAILED, (error as Error).message)
  }
}

/** Runs a command to its end, or until a signal comes: its exit code says what it found. */
async function run(
  interruption: string,
  work: (config: Config, store: ObjectStore, signal: AbortSignal) => Promise<number>
): Promise<void> {
  const config = configOrExit(FAILED)
  // Whoever reads may have read enough, as `head` has: that ends neither the run nor what the exit code says.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code !== 'EPIPE') exit(FAILED, `The report cannot be written: ${message}`)
    })
  }
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => interrupted.abort(new CommandFailed(interruption)))
  }
  try {
    const store = buildSeaweedFs(config.store, config.profile.commonBucket, () => {})
    process.exitCode = await work(config, store, interrupted.signal)
  } catch (error) {
    const { aborted, reason } = interrupted.signal
    const news = aborted && !(error instanceof CommandFailed) ? reason : error
    exit(FAILED, (news as Error).message)
  }
}

function onProgress(line: string): void {
  process.stderr.write(`${printable(line)}\n`)
}

function argumentsOrExit<T extends ParseArgsConfig>(config: T) {
  try {
    return parseArgs(config)
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
