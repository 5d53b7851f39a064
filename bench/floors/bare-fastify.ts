import { readFileSync } from 'node:fs'
import fastify from 'fastify'

/** The same in Fastify: no schema, no log, no token. */
const [port, answerFile = ''] = process.argv.slice(2)
const answer = JSON.parse(readFileSync(answerFile, 'utf8'))

const server = fastify()
server.post('/sync', async () => answer)
await server.listen({ port: Number(port), host: '127.0.0.1' })
