import type { Filer } from '../config.ts'
import { NotReady } from '../errors.ts'
import { buildAsk, IDENTITY_SERVICE } from './filer-calls.ts'
import { filerFault, STATUS, statusOf } from './filer-errors.ts'
import { TOKEN_SECONDS } from './filer-token.ts'
import type { GrpcChannel } from './grpc-channel.ts'

/** Nobody has that name: a user of ours carries a prefix. */
const NOBODY = { username: 'nobody' }

/**
 * Whether the filer's identity service takes our tokens: whoever may read there may write.
 * @param clockAheadMs how much later it is here than at the store, as far as that is known
 * @throws NotReady with one sentence that names the setting to change
 */
export async function checkFiler(
  { address, signingKey }: Filer,
  channel: GrpcChannel,
  clockAheadMs: number,
  signal: AbortSignal
): Promise<void> {
  try {
    await buildAsk(channel, signingKey)(signal)('GetUser', NOBODY)
  } catch (error) {
    const status = statusOf(error)
    if (status === STATUS.NOT_FOUND) return
    if (error instanceof NotReady) throw error
    const secondsBehind = Math.round(-clockAheadMs / 1000)
    if (status === STATUS.UNAUTHENTICATED && secondsBehind > TOKEN_SECONDS) {
      throw new NotReady(
        `The clock here is ${secondsBehind} s behind that of the store, so the filer at ${address} takes every token for an old one; synchronise the clocks of the nodes`
      )
    }
    const reason = (error as { details?: string }).details
    throw new NotReady(
      filerFault(error, address) ??
        `FILER_GRPC_ADDRESS: the filer at ${address} fails (${reason}); its own log says why`
    )
  }
}

/** Whether the service asks nobody for a token, because the filer has no key to check it with. */
export async function isOpenToAll(channel: GrpcChannel, signal: AbortSignal): Promise<boolean> {
  return channel.call(`${IDENTITY_SERVICE}/GetUser`, NOBODY, signal).then(
    () => true,
    (error: unknown) => statusOf(error) === STATUS.NOT_FOUND
  )
}
