import type { Filer } from '../config.ts'
import { filerError } from './filer-errors.ts'
import { buildFilerTokens } from './filer-token.ts'
import type { GrpcChannel } from './grpc-channel.ts'
import type { Budget } from './object-store.ts'
import type { WriteQueue } from './write-queue.ts'

/** Calls a method of the filer's identity service, such as `GetUser`. */
export type Ask = <Answer>(method: string, request: object) => Promise<Answer>

/** How the halves of the identity adapter talk to the filer: `read` at once, `write` in turn. */
export interface FilerCalls {
  read<T>(step: string, budget: Budget, work: (ask: Ask) => Promise<T>): Promise<T>
  /** @param secrets texts in the request that no error may repeat */
  write<T>(
    step: string,
    budget: Budget,
    work: (ask: Ask) => Promise<T>,
    secrets?: string[]
  ): Promise<T>
}

export const IDENTITY_SERVICE = 'iam_pb.SeaweedIdentityAccessManagement'

interface Configuration {
  /** As they came, for StoredIdentity. */
  readonly identities: readonly Buffer[]
  readonly groups: readonly Group[]
}

export interface Group {
  readonly name: string
  readonly members: readonly string[]
  readonly policyNames: readonly string[]
}

export function buildFilerCalls(filer: Filer, channel: GrpcChannel, queue: WriteQueue): FilerCalls {
  const askWithin = buildAsk(channel, filer.signingKey)

  async function call<T>(
    step: string,
    budget: Budget,
    work: (ask: Ask) => Promise<T>,
    secrets: string[] = []
  ) {
    try {
      return await work(askWithin(budget.signal))
    } catch (error) {
      throw filerError(error, filer.address, step, budget, secrets)
    }
  }

  return {
    read: call,
    async write(step, budget, work, secrets) {
      return queue(step, budget, () => call(step, budget, work, secrets))
    }
  }
}

/** Of one filer, with tokens for it. */
export function buildAsk(channel: GrpcChannel, signingKey: string): (signal: AbortSignal) => Ask {
  const token = buildFilerTokens(signingKey)
  return (signal) => (method, request) =>
    channel.call(`${IDENTITY_SERVICE}/${method}`, request, signal, token())
}

/** Everything that the service keeps, but for managed policies; a filer that is new has nothing. */
export async function configurationOf(ask: Ask): Promise<Configuration> {
  const { configuration } = await ask<{ configuration: Configuration | null }>(
    'GetConfiguration',
    {}
  )
  return configuration ?? { identities: [], groups: [] }
}
