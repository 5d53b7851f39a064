import { IAMClient } from '@aws-sdk/client-iam'
import type { IamSettings } from '../config.ts'
import type { Budget } from './object-store.ts'
import { nameOf, storeError } from './store-errors.ts'
import type { WriteQueue } from './write-queue.ts'

type SendOptions = { abortSignal: AbortSignal }
type Send<T> = (client: IAMClient, options: SendOptions) => Promise<T>

/** How the halves of the identity adapter talk to the store: `read` at once, `write` in turn. */
export interface IamCalls {
  read<T>(step: string, budget: Budget, send: Send<T>): Promise<T>
  /** @param secrets texts in the request that no error may repeat */
  write<T>(step: string, budget: Budget, send: Send<T>, secrets?: string[]): Promise<T>
}

export const POLICY_ARN_PREFIX = 'arn:aws:iam:::policy/'

export function buildIamCalls(settings: IamSettings, queue: WriteQueue): IamCalls {
  const client = new IAMClient({
    endpoint: settings.iamEndpoint,
    region: settings.region,
    credentials: { ...settings.credentials },
    maxAttempts: 2
  })

  async function call<T>(step: string, budget: Budget, send: Send<T>, secrets: string[] = []) {
    try {
      return await send(client, { abortSignal: budget.signal })
    } catch (error) {
      throw storeError(error, step, budget, secrets)
    }
  }

  return {
    read: call,
    async write(step, budget, send, secrets) {
      return queue(step, budget, () => call(step, budget, send, secrets))
    }
  }
}

/** What all pages of a list say; a marker on the last page leads nowhere. */
export async function allPages<
  Page extends { IsTruncated?: boolean | undefined; Marker?: string | undefined },
  Item
>(
  ask: (Marker: string | undefined) => Promise<Page>,
  itemsOf: (page: Page) => (Item | undefined)[] | undefined
): Promise<Item[]> {
  const items: Item[] = []
  let marker: string | undefined
  do {
    const page = await ask(marker)
    items.push(...(itemsOf(page) ?? []).filter((item) => item !== undefined))
    marker = page.IsTruncated ? page.Marker : undefined
  } while (marker !== undefined)
  return items
}

export function absent(error: unknown): undefined {
  if (nameOf(error) !== 'NoSuchEntityException') throw error
}

export function existing(error: unknown): undefined {
  if (nameOf(error) !== 'EntityAlreadyExistsException') throw error
}
