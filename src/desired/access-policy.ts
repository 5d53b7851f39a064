import { ownBucketStem, policyNameFor } from './policy-name.ts'

export type OneOrMany = string | readonly string[]

export interface Statement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Principal?: unknown
  readonly Action?: OneOrMany
  readonly Resource?: OneOrMany
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany>>>>
}

export interface PolicyDocument {
  readonly Version: string
  readonly Statement: readonly Statement[]
}

/** A managed policy of ours never changes under its name: other content has another name. */
export interface ManagedPolicy {
  readonly name: string
  readonly document: PolicyDocument
}

/** What a pipeline may do with an object. PutObject implies multipart uploads, parts and abort. */
const OBJECT_ACTIONS = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:GetObjectTagging',
  's3:PutObjectTagging',
  's3:DeleteObjectTagging'
]

/**
 * On a bucket-level request SeaweedFS before 4.48 authorises the query parameter `prefix` as if it were
 * an object, so whoever may write one key could rewrite the bucket's configuration or delete it. No
 * legitimate object call carries that parameter.
 */
const WITH_PREFIX_PARAMETER = { Null: { 's3:prefix': 'false' } }

/** By prefix, of which a process has one; every sync asks for it. */
const ownBucketPolicies = new Map<string, ManagedPolicy>()

/** Per-profile layout: the user's name is the bucket's name, so one policy serves every profile. */
export function ownBucketPolicy(namePrefix: string): ManagedPolicy {
  const policy = ownBucketPolicies.get(namePrefix) ?? ownBucketPolicyAnew(namePrefix)
  ownBucketPolicies.set(namePrefix, policy)
  return policy
}

function ownBucketPolicyAnew(namePrefix: string): ManagedPolicy {
  const bucket = arn(`\${aws:username}`)
  return managedPolicy(ownBucketStem(namePrefix), [
    {
      Effect: 'Deny',
      Action: ['s3:*'],
      Resource: [`${bucket}/*`],
      Condition: WITH_PREFIX_PARAMETER
    },
    { Effect: 'Allow', Action: OBJECT_ACTIONS, Resource: [`${bucket}/*`] },
    { Effect: 'Allow', Action: ['s3:ListBucket', 's3:GetBucketLocation'], Resource: [bucket] }
  ])
}

/** Shared layout: the profile's own prefix of the common bucket, in a policy of its own. */
export function ownPrefixPolicy(user: string, bucketName: string, prefix: string): ManagedPolicy {
  const bucket = arn(bucketName)
  return managedPolicy(user, [
    { Effect: 'Allow', Action: OBJECT_ACTIONS, Resource: [`${bucket}/${prefix}*`] },
    {
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: [bucket],
      Condition: { StringLike: { 's3:prefix': [`${prefix}*`] } }
    },
    { Effect: 'Allow', Action: ['s3:GetBucketLocation'], Resource: [bucket] }
  ])
}

/** Every Sid that we ever write into the policy of a bucket. */
export const BUCKET_SIDS = ['DenyPrefixPromotion', 'ProfileHeadBucket', 'ProfileTopLevelBrowse']

/**
 * What a profile's own bucket says to everybody. The Deny of its managed policy is not enough: a gateway that
 * serves IAM and has a signing key does not know that condition before SeaweedFS 4.48.
 */
export function ownBucketStatements(bucketName: string): Statement[] {
  return [denyPrefixPromotion(arn(bucketName))]
}

/**
 * What the common bucket of the shared layout says to everybody, whatever their own policy says. The user
 * name in the conditions keeps unsigned callers out.
 */
export function commonBucketStatements(
  bucketName: string,
  namePrefix: string,
  topLevelBrowse = false
): Statement[] {
  const bucket = arn(bucketName)
  const users = { 'aws:username': [`${namePrefix}*`] }
  return [
    denyPrefixPromotion(bucket),
    {
      // KServe asks for the bucket itself.
      Sid: 'ProfileHeadBucket',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:ListBucket'],
      Resource: [bucket],
      Condition: { StringEquals: { 's3:RequestMethod': 'HEAD' }, StringLike: users }
    },
    ...(topLevelBrowse ? [topLevelBrowseStatement(bucket, users)] : [])
  ]
}

function denyPrefixPromotion(bucket: string): Statement {
  return {
    Sid: 'DenyPrefixPromotion',
    Effect: 'Deny',
    Principal: '*',
    Action: ['s3:*'],
    Resource: [`${bucket}/*`],
    Condition: WITH_PREFIX_PARAMETER
  }
}

/** KFP's own isolation test asks for it. It shows everybody's names, and no policy can mend that. */
function topLevelBrowseStatement(
  bucket: string,
  users: Readonly<Record<string, OneOrMany>>
): Statement {
  return {
    Sid: 'ProfileTopLevelBrowse',
    Effect: 'Allow',
    Principal: '*',
    Action: ['s3:ListBucket'],
    Resource: [bucket],
    Condition: {
      Null: { 's3:prefix': 'true' },
      StringEquals: { 's3:delimiter': '/', 's3:RequestMethod': 'GET' },
      StringLike: users
    }
  }
}

function managedPolicy(stem: string, statements: Statement[]): ManagedPolicy {
  const document = { Version: '2012-10-17', Statement: statements }
  return { name: policyNameFor(stem, document), document }
}

export function arn(resource: string): string {
  return `arn:aws:s3:::${resource}`
}
