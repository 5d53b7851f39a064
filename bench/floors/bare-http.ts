import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

/** The least that a hook in Node can be: reads the JSON of the call, and writes the JSON of an answer. */
const [port, answerFile = ''] = process.argv.slice(2)
const answer = JSON.parse(readFileSync(answerFile, 'utf8'))

createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    if (chunks.length > 0) JSON.parse(Buffer.concat(chunks).toString())
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  })
}).listen(Number(port), '127.0.0.1')
