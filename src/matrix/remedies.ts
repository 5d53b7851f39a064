import type { CaseResult } from './case-result.ts'

const GATEWAY =
  'give profiles a gateway of their own, with -iam=false, and keep them from port 8111'
const BUCKET_POLICY =
  'read the policy and the ACL of the bucket: a statement of somebody else’s lets in more than our users'
const PREFIX =
  'wait for the next sync, which restores DenyPrefixPromotion in the bucket’s policy; SeaweedFS 4.48 needs no such statement'

/** What an operator does about a hole of that group. */
const REMEDIES: Readonly<Record<string, string>> = {
  'list markers':
    'SeaweedFS 4.48 or newer, or BUCKET_LAYOUT=per-profile: no policy can close this one',
  'identities, read': GATEWAY,
  'identities, written': GATEWAY,
  'identities, without a name': GATEWAY,
  'session tokens': GATEWAY,
  'objects, unsigned': BUCKET_POLICY,
  'listings, unsigned': BUCKET_POLICY,
  'shared areas': BUCKET_POLICY,
  'configuration of buckets, read': PREFIX,
  'configuration of buckets, written': PREFIX,
  'configuration of buckets, deleted': PREFIX,
  'deletion of buckets': PREFIX
}

export function remedyFor(group: string, verdict: CaseResult['verdict']): string {
  if (verdict === 'broken') {
    return 'look for a Deny of somebody else’s in the bucket’s policy, and for an edited policy of ours'
  }
  if (verdict === 'inconclusive') return 'run it again; if it stays, compare the clocks'
  return (
    REMEDIES[group] ??
    'compare the policies attached to the user, and the bucket’s policy, with what a dry run shows'
  )
}
