/** What one check of an installation came to. */
export interface Finding {
  readonly check: string
  /** `skipped` for what could not be looked at. */
  readonly verdict: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What was seen. */
  readonly evidence: string
  /** What to do about it; empty when there is nothing to do. */
  readonly remedy: string
}

export function ok(check: string, evidence: string): Finding {
  return { check, verdict: 'ok', evidence, remedy: '' }
}

export function warning(check: string, evidence: string, remedy: string): Finding {
  return { check, verdict: 'warning', evidence, remedy }
}

export function failed(check: string, evidence: string, remedy: string): Finding {
  return { check, verdict: 'failed', evidence, remedy }
}

export function skipped(check: string, evidence: string, remedy: string): Finding {
  return { check, verdict: 'skipped', evidence, remedy }
}
