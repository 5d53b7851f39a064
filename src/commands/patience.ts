import { CommandFailed } from '../errors.ts'
import type { Exchange } from '../matrix/exchange.ts'

/** To wait for every case on a gateway that has stopped answering would take hours. */
const MAX_SILENCES = 3

/** Ends the run when several requests in a row had no answer in time; any answer counts, a cut connection too. */
export function withLimitedPatience(exchange: Exchange, run: AbortController): Exchange {
  let silences = 0
  return async (...request) => {
    try {
      const answer = await exchange(...request)
      silences = 0
      return answer
    } catch (error) {
      silences = (error as { code?: string }).code === 'ETIMEDOUT' ? silences + 1 : 0
      if (silences === MAX_SILENCES) {
        run.abort(new CommandFailed('The gateway that profiles use has stopped answering'))
      }
      throw error
    }
  }
}
