import type { Signing } from './request.ts'

/** One request that must neither give anything away nor change anything. */
export interface Attack {
  /** What kind of attack it is; the unit in which holes are reported. */
  readonly group: string
  /** `METHOD /path?query` with the names of scene.ts in braces. */
  readonly line: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Fields of an upload form, signed by the own key; the body is made of them. */
  readonly form?: Readonly<Record<string, string>>
  readonly signing: Signing
  /** Which API it is sent to; `iam` goes to the S3 endpoint and to every other endpoint in reach. */
  readonly api: 's3' | 'iam'
  /** Where an own object may come to lie, with what was taken; it is read afterwards and removed. */
  readonly loot?: string
  /**
   * `status`: nobody may even be answered, be it with what there is not. `denial`: not even a complaint about
   * the request may come back. Else only what is given away or changed counts.
   */
  readonly judgedBy: 'effect' | 'status' | 'denial'
  /** What a success would damage beyond the marks; `verify` leaves those out. */
  readonly risk: 'none' | 'buckets' | 'identities'
  /** Forged on purpose: that the signature does not match is the refusal we want. */
  readonly isForged: boolean
}

/** An attack with the usual answers to everything that is not said. */
export function attack(group: string, line: string, rest: Partial<Attack> = {}): Attack {
  return {
    group,
    line,
    signing: 'header',
    api: 's3',
    judgedBy: 'effect',
    risk: 'none',
    isForged: false,
    ...rest
  }
}
