/** A bucket's lifecycle rule as S3 spells it; foreign ones pass through unread. */
export interface LifecycleRule {
  readonly ID?: string | undefined
  readonly Status: 'Enabled' | 'Disabled' | undefined
  readonly Filter?: { readonly Prefix?: string | undefined } | undefined
  readonly Expiration?: { readonly Days?: number | undefined } | undefined
}

const RETENTION_RULE_ID = 'kfp-artifact-retention'
const SYNC_PY_RULE_ID = 'private-artifacts'

/** Our rules for a bucket of artifacts; none when artifacts are kept for ever. */
export function retentionRules(retention: { readonly days: number } | 'keep'): LifecycleRule[] {
  if (retention === 'keep') return []
  return [
    {
      ID: RETENTION_RULE_ID,
      Status: 'Enabled',
      Filter: { Prefix: 'private-artifacts/' },
      Expiration: { Days: retention.days }
    }
  ]
}

/** The bucket's rules with ours in place: replaced by id, sync.py's dropped, foreign ones kept. */
export function mergedLifecycleRules(
  live: readonly LifecycleRule[],
  ours: readonly LifecycleRule[]
): LifecycleRule[] {
  const isForeign = ({ ID }: LifecycleRule) => ID !== RETENTION_RULE_ID && ID !== SYNC_PY_RULE_ID
  return [...live.filter(isForeign), ...ours]
}
