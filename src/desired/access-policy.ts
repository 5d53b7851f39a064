import { createHash } from 'node:crypto'
import { canonicalText } from './canonical.ts'

type OneOrMany = string | readonly string[]

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

/** A managed policy never changes under its name: other content has another name. */
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

/** Per-profile layout: the user's name is the bucket's name, so one policy serves every profile. */
export function ownBucketPolicy(namePrefix: string): ManagedPolicy {
  const bucket = arn(`\${aws:username}`)
  return managedPolicy(`${namePrefix}own-bucket`, [
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

/** Whether a managed policy belongs to this user alone, in whatever version. */
export function isPolicyOf(user: string, policyName: string): boolean {
  return new RegExp(`^${user}-[0-9a-f]{8}$`).test(policyName)
}

/** What the common bucket of the shared layout says to everybody, whatever their own policy says. */
export function commonBucketStatements(bucketName: string, namePrefix: string): Statement[] {
  const bucket = arn(bucketName)
  return [
    {
      Sid: 'DenyPrefixPromotion',
      Effect: 'Deny',
      Principal: '*',
      Action: ['s3:*'],
      Resource: [`${bucket}/*`],
      Condition: WITH_PREFIX_PARAMETER
    },
    {
      // KServe asks for the bucket itself; the user name in the condition keeps unsigned callers out.
      Sid: 'ProfileHeadBucket',
      Effect: 'Allow',
      Principal: '*',
      Action: ['s3:ListBucket'],
      Resource: [bucket],
      Condition: {
        StringEquals: { 's3:RequestMethod': 'HEAD' },
        StringLike: { 'aws:username': [`${namePrefix}*`] }
      }
    }
  ]
}

function managedPolicy(name: string, statements: Statement[]): ManagedPolicy {
  const document = { Version: '2012-10-17', Statement: statements }
  const version = createHash('sha256').update(canonicalText(document)).digest('hex').slice(0, 8)
  return { name: `${name}-${version}`, document }
}

export function arn(resource: string): string {
  return `arn:aws:s3:::${resource}`
}
