import { timingSafeEqual } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest
} from 'fastify'
import { answerAtRest, rememberAnswer } from './at-rest.ts'
import type { Config } from './config.ts'
import type { Context } from './context.ts'
import { dryRunAnswer } from './dry-run.ts'
import { Busy, Unauthorized, Unexpected } from './errors.ts'
import { finalizeProfile } from './finalize.ts'
import {
  CustomizeBody,
  HookBody,
  HookQuery,
  type HookRequest,
  hookAnswer,
  hookRequestFrom
} from './hooks.ts'
import type { Metrics } from './metrics.ts'
import type { Budget } from './object-store/object-store.ts'
import { type Profile, profileFrom } from './profile.ts'
import { buildReadiness } from './readiness.ts'
import { type Outcome, reconcileProfile } from './reconcile.ts'
import { RequestLog } from './request-log.ts'
import type { TlsPair } from './tls.ts'

export interface ServerOptions {
  readonly config: Config
  readonly context: Context
  readonly metrics: Metrics
  readonly logger: FastifyBaseLogger
  /** Its own certificate; without it the hook speaks plain HTTP. */
  readonly tls?: TlsPair | undefined
}

/** Whole objects with their managed fields and last-applied copies arrive in one body. */
const BODY_LIMIT_BYTES = 32 * 1024 * 1024
/** Longer than the 90 s for which Go's client keeps an idle connection: it does not replay a lost POST. */
const KEEP_ALIVE_MS = 100_000

type Work = (profile: Profile, context: Context, budget: Budget) => Promise<Outcome>
type HookCall = { Body: unknown; Querystring: HookQuery }

/** Routes, authentication, health and metrics around the story; opens no port. */
export function buildServer({
  config,
  context,
  metrics,
  logger,
  tls
}: ServerOptions): FastifyInstance {
  const server = fastify({
    // Fastify's types tell HTTP from HTTPS; nothing else here does.
    ...(tls && ({ https: tls } as object)),
    loggerInstance: logger,
    logController: new RequestLog(),
    bodyLimit: BODY_LIMIT_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // What the cluster sent must be judged as it is, not as it could be made to fit.
    // Our schemas are right, or no test would pass: to have them proven takes its time at each start.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, validateSchema: false } },
    schemaErrorFormatter: ([error], dataVar) =>
      new Error(`${dataVar}${error?.instancePath} ${error?.message}`)
  })

  server.register(async (hooks) => {
    hooks.addHook('onRequest', requireToken(config.server.hookAuth))
    answerAtRest(hooks, context)
    hooks.addHook('onResponse', (request, reply, done) => {
      const hook = String(request.routeOptions.url).slice(1)
      metrics.hookAnswered(hook, request.failure ?? 'ok', reply.elapsedTime / 1000)
      done()
    })
    const schema = { body: HookBody, querystring: HookQuery }
    hooks.post<HookCall>('/sync', { schema }, (request) => answer(request, reconcileProfile))
    hooks.post<HookCall>('/finalize', { schema }, (request) => answer(request, finalizeProfile))
    hooks.post('/customize', { schema: { body: CustomizeBody } }, () => ({ relatedResources: [] }))
  })

  async function answer(request: FastifyRequest<HookCall>, work: Work): Promise<unknown> {
    const hookRequest: HookRequest = hookRequestFrom(request.body)
    const profile = profileFrom(hookRequest)
    if (request.query.dryRun === 'All')
      return dryRunAnswer(profile, context.settings, context.now())
    const log = request.log.child({ profile: profile.namespace })
    // Not AbortSignal.timeout, whose timer would keep all of a call's memory until its budget is over. What an error
    // has left under way ends with the call, too.
    const end = new AbortController()
    const timer = setTimeout(() => end.abort(), config.syncBudgetMs)
    const endsAt = performance.now() + config.syncBudgetMs
    const budget = { namespace: profile.namespace, signal: end.signal, endsAt }
    try {
      const outcome = await work(profile, { ...context, log }, budget)
      const found = hookAnswer(hookRequest, outcome)
      if (outcome.rest) rememberAnswer(request, found, outcome.rest, context)
      return found
    } finally {
      clearTimeout(timer)
      end.abort()
    }
  }

  server.get('/healthz', () => ({ status: 'ok' }))

  const readiness = buildReadiness(context, logger)
  // Whoever reads the log need not wait for a probe to learn that the store is not as it should be.
  server.addHook('onListen', (done) => {
    readiness().catch((err) => logger.error({ err }, 'the store could not be asked'))
    done()
  })
  server.get('/readyz', async (_request, reply) => {
    const { fault, warnings } = await readiness()
    if (fault === undefined) return { status: 'ok', warnings }
    // Not as an error, which would be logged at every probe.
    reply.status(503)
    return answerTo(fault, 503)
  })

  server.get('/metrics', async (_request, reply) => {
    reply.type(metrics.registry.contentType)
    return metrics.registry.metrics()
  })

  // A running request ends its connection too; kept alive, it would hold up the end of the process.
  let isClosing = false
  server.addHook('preClose', async () => {
    isClosing = true
  })
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (isClosing) reply.header('connection', 'close')
    done()
  })

  server.decorateRequest('failure', undefined)
  server.setErrorHandler((error, request, reply) => {
    const safe = isOurs(error)
      ? error
      : new Unexpected(`${request.method} ${request.routeOptions.url}`)
    const { statusCode = 500, code } = safe
    request.failure = code
    request.log[statusCode < 500 ? 'warn' : 'error']({ err: error }, safe.message)
    // Without it Metacontroller would be back at once, some hundred times a second.
    if (safe instanceof Busy) reply.header('retry-after', safe.retryAfterSeconds)
    reply.status(statusCode)
    return answerTo(safe, statusCode)
  })

  return server
}

function answerTo({ code, message }: FastifyError, statusCode: number) {
  return { statusCode, code, error: STATUS_CODES[statusCode], message }
}

/** Whether the error's message was written to be read outside. */
function isOurs(error: unknown): error is FastifyError {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^(S3P|FST)_/.test(code)
}

/** Any of several tokens, so that one can be rotated out; what is not its length is compared in constant time. */
function requireToken(hookAuth: Config['server']['hookAuth']) {
  const accepted = hookAuth === 'none' ? [] : hookAuth.tokens.map((token) => Buffer.from(token))
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    const [, token = ''] = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '') ?? []
    const offered = Buffer.from(token)
    const matches = accepted.filter(
      (one) => one.length === offered.length && timingSafeEqual(one, offered)
    )
    done(hookAuth === 'none' || matches.length > 0 ? undefined : new Unauthorized())
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The code of the error this request was answered with. */
    failure: string | undefined
  }
}
