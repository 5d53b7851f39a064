import t from 'tap'
import { withLimitedPatience } from '../../src/commands/patience.ts'
import { CommandFailed } from '../../src/errors.ts'
import { requestFrom } from '../../src/matrix/request.ts'
import { answer } from '../fixtures/matrix.ts'

const KEY = { accessKeyId: 'KEY', secretAccessKey: 'secret' }

t.test('a gateway that is silent three times in a row ends the run', async (t) => {
  const table: [what: string, events: string[], isEnded: boolean][] = [
    ['silent', ['ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT'], true],
    ['silent at first only', ['ETIMEDOUT', 'ETIMEDOUT', '', 'ETIMEDOUT'], false],
    ['silent now and then', ['ETIMEDOUT', '', 'ETIMEDOUT', '', 'ETIMEDOUT'], false],
    ['cutting connections', ['ECONNRESET', 'ECONNRESET', 'ECONNRESET'], false],
    ['both', ['ETIMEDOUT', 'ETIMEDOUT', 'ECONNRESET', 'ETIMEDOUT'], false],
    ['answering', ['', '', ''], false]
  ]
  for (const [what, events, isEnded] of table) {
    const run = new AbortController()
    const left = [...events]
    const exchange = withLimitedPatience(async () => {
      const code = left.shift()
      if (code) throw Object.assign(new Error(code), { code })
      return answer(403)
    }, run)
    for (const event of events) {
      const call = exchange(requestFrom('GET /'), 'header', KEY)
      if (event) await t.rejects(call, { code: event })
      else t.match(await call, { status: 403 })
    }
    t.equal(run.signal.aborted, isEnded, what)
    if (isEnded) t.ok(run.signal.reason instanceof CommandFailed)
  }
})
