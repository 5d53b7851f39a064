/** What the store said to an object that it keeps. */
export interface Refusal {
  readonly key: string
  readonly code: string
  readonly message: string
}

/** How far the removal of what is in a bucket has come. */
export interface Removal {
  /** Objects, versions and unfinished uploads. */
  readonly removed: number
  readonly isDone: boolean
  /** Keys that are listed again after their removal. */
  readonly left: readonly string[]
  readonly refusal: Refusal | undefined
}

/** Why another call would come no further, if so. */
export function standstillOf({ removed, left, refusal }: Removal): string | undefined {
  if (refusal !== undefined && (left.length > 0 || removed === 0)) {
    const { code, message, key } = refusal
    return `${code}: ${message} for object ${shown(key)}; is it under a retention or a legal hold, or has the bucket a policy?`
  }
  const [key] = left
  return (
    key && `S3 cannot name ${left.length} of its versions as they are, such as of ${shown(key)}`
  )
}

/** Tenants choose the names. */
function shown(key: string): string {
  return JSON.stringify(key.slice(0, 80))
}
