import type { Exchange } from './exchange.ts'
import type { Answer } from './request.ts'

/** Where a profile may send requests. */
export interface Reach {
  readonly s3: Exchange
  /** Name of an endpoint -> how to speak to it; all that might serve IAM. */
  readonly iam: Readonly<Record<string, Exchange>>
  readonly region: string
}

export interface CaseResult {
  readonly kind: 'legitimate' | 'attack'
  readonly group: string
  /** The case in one line, with the names of the scene unfilled. */
  readonly name: string
  /** `inconclusive`: refused for a fault of the case itself, so nothing was shown. */
  readonly verdict: 'ok' | 'hole' | 'broken' | 'inconclusive'
  /** What went wrong; holds no secret of anybody. */
  readonly evidence: string
}

/** The store's own word for what is wrong, or nothing. */
export function codeOf({ body }: Answer): string {
  return /<Code>([A-Za-z]+)</.exec(body)?.[1] ?? ''
}
