import { StoreRejected, StoreUnavailable } from '../errors.ts'
import type { Budget } from './object-store.ts'

/** Events cut long texts anyway. */
const MAX_REASON_LENGTH = 300

/** What an SDK exception, a network error or an abort has in common. */
interface VendorError {
  readonly name?: string
  readonly code?: string
  readonly message?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/**
 * The one place where vendor errors become ours. The original is not kept as it is: SDK errors carry
 * the whole HTTP exchange, and the body of CreateAccessKey holds a secret.
 *
 * @param secrets texts that must not appear in the message, whatever the store echoes
 */
export function storeError(
  error: unknown,
  step: string,
  budget: Budget,
  secrets: readonly string[] = []
): Error {
  const { name, code, message, $metadata } = error as VendorError
  const during = `${step} for profile ${budget.namespace}`
  if (budget.signal.aborted) return new StoreUnavailable(during, 'no answer within the sync budget')
  const status = $metadata?.httpStatusCode
  if (status === undefined) {
    return new StoreUnavailable(during, redacted(code ?? name ?? 'no answer', secrets))
  }
  const said = [name === 'Unknown' ? '' : name, message].filter(Boolean).join(': ')
  return answerError(redacted(said, secrets), status, during)
}

/** In one line, cut, and without the secrets; these go before the cut: half a secret is too much as well. */
export function redacted(text: string, secrets: readonly string[]): string {
  return withoutSecrets(text, secrets).replaceAll(/\s+/g, ' ').slice(0, MAX_REASON_LENGTH)
}

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((redacting, secret) => redacting.replaceAll(secret, '[redacted]'), text)
}

/** An answer that nobody asked for: a refusal when the request is at fault, else an outage. */
export function answerError(reason: string, status: number, during: string): Error {
  const isRefusal = status >= 400 && status < 500 && status !== 408 && status !== 429
  const Failure = isRefusal ? StoreRejected : StoreUnavailable
  return new Failure(during, `${reason} (HTTP ${status})`)
}

/** The HTTP status of a vendor error; undefined when the store did not answer at all. */
export function statusOf(error: unknown): number | undefined {
  return (error as VendorError).$metadata?.httpStatusCode
}

/** The store's own name for what is wrong, such as NoSuchBucketPolicy. */
export function nameOf(error: unknown): string | undefined {
  return (error as VendorError).name
}
