import fastify from 'fastify'
import { pino } from 'pino'
import t from 'tap'
import { RequestLog } from '../src/request-log.ts'

function newServer() {
  const lines: { msg: string; req: { method: string; url: string }; res: object }[] = []
  const loggerInstance = pino({ level: 'trace' }, { write: (line) => lines.push(JSON.parse(line)) })
  const server = fastify({ loggerInstance, logController: new RequestLog() })
  server.post('/sync', () => ({}))
  server.get('/healthz', () => ({}))
  return { server, lines }
}

t.test('a call has one line, which says what was asked and what came of it', async (t) => {
  const { server, lines } = newServer()
  await server.inject({ method: 'POST', url: '/sync', payload: {} })
  t.match(lines, [
    {
      msg: 'request completed',
      req: { method: 'POST', url: '/sync' },
      res: { statusCode: 200 },
      responseTime: Number
    }
  ])
  t.equal(lines.length, 1)
})

t.test('a health check has none', async (t) => {
  const { server, lines } = newServer()
  await server.inject('/healthz')
  t.same(lines, [])
})

t.test('an answer that was cut off is an error', async (t) => {
  const { server, lines } = newServer()
  server.get('/cut', async (request, reply) => {
    new RequestLog().requestCompleted(new Error('cut off'), request, reply)
    return {}
  })
  await server.inject('/cut')
  t.match(lines[0], { msg: 'request errored', level: 50, err: { message: 'cut off' } })
})
