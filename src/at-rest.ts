import type { FastifyInstance, FastifyRequest } from 'fastify'
import { questionOf, type Rest } from './answers.ts'
import type { Context } from './context.ts'
import { secondsUntil } from './reconcile.ts'

const ROUTE = '/sync'

/**
 * Nearly every call shows a profile of which nothing has changed, to the byte. While its proof counts, it gets the answer
 * from before and is not even read.
 */
export function answerAtRest(hooks: FastifyInstance, { memory, now }: Context): void {
  hooks.decorateRequest('question', undefined)
  hooks.decorateRequest('answerAtRest', undefined)
  // A tenant may name a ConfigMap's key like a prototype; refusing the body would let it block its own finalize.
  const readJson = hooks.getDefaultJsonParser('remove', 'remove')
  hooks.addContentTypeParser<Buffer>(
    'application/json',
    { parseAs: 'buffer' },
    (request, body, done) => {
      if (request.url === ROUTE) {
        request.question = questionOf(body)
        request.answerAtRest = knownAnswer(request.question)
      }
      if (request.answerAtRest === undefined) void readJson(request, body.toString(), done)
      else done(null)
    }
  )
  hooks.addHook('preValidation', (request, reply, done) => {
    if (request.answerAtRest === undefined) done()
    else reply.type('application/json; charset=utf-8').send(request.answerAtRest)
  })

  function knownAnswer(question: string): string | undefined {
    const answer = memory.answerTo(question)
    if (answer === undefined) return undefined
    const { text, dueAt } = answer
    if (dueAt === undefined) return text
    const seconds = now()
    if (seconds >= dueAt) return undefined
    // The time until then is another one each time.
    return `${text.slice(0, -1)},"resyncAfterSeconds":${secondsUntil(dueAt, seconds)}}`
  }
}

/** For the next call that asks the same. */
export function rememberAnswer(
  { question }: FastifyRequest,
  { resyncAfterSeconds: _, ...answer }: Record<string, unknown>,
  rest: Rest,
  { memory }: Context
): void {
  if (question === undefined) return
  memory.rememberAnswer(question, { ...rest, text: JSON.stringify(answer) })
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What a sync asked; undefined of other calls. */
    question: string | undefined
    /** The answer, if it was known without reading the question. */
    answerAtRest: string | undefined
  }
}
