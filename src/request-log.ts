import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

/** Health checks come every few seconds and say nothing new. */
const QUIET_ROUTES = new Set(['/healthz', '/readyz', '/metrics'])

/** One line a call, when it is answered: what was asked is in it. */
export class RequestLog extends LogController {
  constructor() {
    super({ disableRequestLogging: ({ url }) => QUIET_ROUTES.has(url) })
  }

  override incomingRequest(): void {}

  override requestCompleted(error: Error | null, req: FastifyRequest, res: FastifyReply): void {
    if (this.isLogDisabled(req)) return
    const { elapsedTime: responseTime } = res
    // Of profiles at rest there is nothing to tell, and theirs are nearly all calls.
    const level = req.answerAtRest === undefined ? 'info' : 'debug'
    if (error) res.log.error({ req, res, err: error, responseTime }, 'request errored')
    else res.log[level]({ req, res, responseTime }, 'request completed')
  }
}
