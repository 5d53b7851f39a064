import { arn, BUCKET_SIDS, type PolicyDocument, type Statement } from './access-policy.ts'

/** The statements of sync.py; its last one denies our users listing their own prefix. */
const SYNC_PY_SIDS = [
  'AllowOwnDeepList',
  'AllowHeadBucket',
  'AllowTopLevelDelimitedBrowse',
  'DenyOtherDeepList'
]
const LEGACY_LIST_SID = 'LegacyProfileOwnPrefixList'

/**
 * The bucket policy with our statements in place: ours replaced by Sid, those of ours that are not
 * wanted any more gone, foreign ones kept. Where sync.py's four stood, its users keep listing their own prefix, and nothing more, until they are gone.
 */
export function mergedBucketPolicy(
  live: PolicyDocument | undefined,
  bucketName: string,
  ours: readonly Statement[]
): PolicyDocument {
  const statements = asArray(live?.Statement ?? [])
  const wasSyncPys = statements.some(
    ({ Sid = '' }) => SYNC_PY_SIDS.includes(Sid) || Sid === LEGACY_LIST_SID
  )
  const desired = wasSyncPys ? [...ours, legacyListStatement(bucketName)] : ours
  const replaced = new Set([...SYNC_PY_SIDS, ...BUCKET_SIDS, LEGACY_LIST_SID])
  const foreign = statements.filter(({ Sid = '' }) => !replaced.has(Sid))
  return { ...live, Version: '2012-10-17', Statement: [...foreign, ...desired] }
}

/** Whether we have written this policy before, or what is left of it. */
export function isOurs(policy: PolicyDocument | undefined): boolean {
  const sids = asArray(policy?.Statement ?? []).map(({ Sid = '' }) => Sid)
  return sids.some((sid) => BUCKET_SIDS.includes(sid))
}

function legacyListStatement(bucketName: string): Statement {
  return {
    Sid: LEGACY_LIST_SID,
    Effect: 'Allow',
    Principal: '*',
    Action: ['s3:ListBucket'],
    Resource: [arn(bucketName)],
    Condition: {
      StringLike: {
        'aws:username': ['*'],
        's3:prefix': [`private-artifacts/\${aws:username}/*`]
      }
    }
  }
}

function asArray(statement: Statement | readonly Statement[]): readonly Statement[] {
  return Array.isArray(statement) ? statement : [statement as Statement]
}
