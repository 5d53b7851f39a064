import type { Server } from 'node:https'
import { createSecureContext } from 'node:tls'
import closeWithGrace from 'close-with-grace'
import { type Logger, pino } from 'pino'
import { auditEvery } from '../audit.ts'
import { type Config, identityUrlOf, type TlsFiles } from '../config.ts'
import { CommandFailed } from '../errors.ts'
import { Memory } from '../memory.ts'
import { buildMetrics } from '../metrics.ts'
import type { Budget } from '../object-store/object-store.ts'
import { buildSeaweedFs } from '../object-store/seaweedfs.ts'
import { buildServer } from '../server.ts'
import { followTls, readTls, type TlsPair } from '../tls.ts'
import { Turns } from '../turns.ts'

/** A renewed certificate is there weeks before the old one ends. */
const TLS_INTERVAL_MS = 60_000
const PROOF_PATIENCE_MS = 5_000
/** Running syncs finish first; then connections are closed. */
const CLOSE_MARGIN_MS = 5_000

/**
 * Answers Metacontroller until a signal ends the process.
 * @throws CommandFailed when it cannot listen
 */
export async function serve(config: Config): Promise<void> {
  const logger = pino({
    level: config.server.logLevel,
    redact: ['req.headers.authorization', 'err.response', 'err.$response']
  })
  const metrics = buildMetrics()
  const { commonBucket } = config.profile
  const onWrite = (step: string, { namespace }: Budget) => {
    metrics.storeWritten()
    logger.info({ profile: namespace, step }, 'writing to the object store')
  }
  const store = buildSeaweedFs(config.store, commonBucket, onWrite, metrics)
  const context = {
    settings: config.profile,
    store,
    memory: new Memory(config.verifyIntervalMs, () => performance.now()),
    turns: new Turns(),
    now: () => Math.floor(Date.now() / 1000),
    syncBudgetMs: config.syncBudgetMs,
    proofPatienceMs: PROOF_PATIENCE_MS,
    log: logger,
    metrics
  }
  const { tls: files } = config.server
  const tls = files === 'off' ? undefined : await readTlsOrFail(files)
  const server = buildServer({ config, context, metrics, logger, tls })
  const stop = new AbortController()

  closeWithGrace(
    { delay: config.syncBudgetMs + CLOSE_MARGIN_MS, logger },
    async ({ err, signal }) => {
      logger.warn({ err, signal }, 'closing: running syncs finish first')
      stop.abort()
      await server.close()
    }
  )

  try {
    await server.listen({ host: config.server.host, port: config.server.port })
    if (files !== 'off' && tls) followRenewals(server.server as Server, files, tls, logger)
    const { layout } = config.profile
    const identities = identityUrlOf(config.store)
    const { s3Endpoint } = config.store
    logger.info({ layout, s3Endpoint, identities }, 'ready for Metacontroller')
    if (config.server.hookAuth === 'none') {
      logger.warn('HOOK_AUTH=none: whoever reaches this port gets any profile’s keys')
    }
    const { auditIntervalMs, replicas } = config
    if (auditIntervalMs > 0) void auditEvery(auditIntervalMs, replicas, context, stop.signal)
  } catch (error) {
    throw new CommandFailed(
      `Cannot listen on port ${config.server.port}: ${(error as Error).message}`
    )
  }
}

async function readTlsOrFail(files: TlsFiles): Promise<TlsPair> {
  try {
    const pair = await readTls(files)
    // Said here by the names of the settings, and not by the server, which knows neither.
    createSecureContext({ ...pair })
    return pair
  } catch (error) {
    throw new CommandFailed(
      `HOOK_TLS_CERT_FILE and HOOK_TLS_KEY_FILE cannot be used: ${(error as Error).message}`
    )
  }
}

function followRenewals(server: Server, files: TlsFiles, tls: TlsPair, logger: Logger): void {
  setInterval(followTls(server, files, tls, logger), TLS_INTERVAL_MS).unref()
}
