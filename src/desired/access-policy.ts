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

/** Under how many names a policy may stand: each time somebody edits one that cannot be mended, the next. */
const MAX_NAMES = 9
const VERSION = new RegExp(`^(.+)-[0-9a-f]{8}(-[2-${MAX_NAMES}])?$`)

/** The names under which a managed policy may stand, in order: its own, `…-2`, `…-3`. */
export function namesFor(policyName: string): string[] {
  const others = Array.from({ length: MAX_NAMES - 1 }, (_, index) => `${policyName}-${index + 2}`)
  return [policyName, ...others]
}

/** Whether a managed policy belongs to this user alone, in whatever version. */
export function isPolicyOf(user: string, policyName: string): boolean {
  return stemOfPolicy(policyName) === user
}

/** Whether a managed policy is the one that all profiles of the per-profile layout have, in whatever version. */
export function isOwnBucketPolicy(namePrefix: string, policyName: string): boolean {
  return stemOfPolicy(policyName) === `${namePrefix}own-bucket`
}

/** What the name of a managed policy of ours says before its version: the user that it belongs to, if any. */
export function stemOfPolicy(policyName: string): string | undefined {
  return VERSION.exec(policyName)?.[1]
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

/**
 * What decides about a user's own policies: the IAM manager on a gateway that serves IAM and has a signing
 * key, else the policy engine. Policies of buckets are the policy engine's everywhere.
 */
export type Engine = 'policy-engine' | 'iam-manager'

/** A signed request in the words of policies: a GET of the bucket is `s3:ListBucket`, so is its HEAD. */
export interface AccessRequest {
  readonly user: string
  readonly action: string
  readonly method: string
  readonly bucket: string
  readonly key?: string
  /** The query parameters of these names, whatever the call. */
  readonly prefix?: string
  readonly delimiter?: string
}

/**
 * Our own answer to what SeaweedFS would say: the bucket's policy first, and only where that is silent the
 * user's own ones.
 *
 * @throws Error when the answer depends on the version of SeaweedFS, or on something that no document of
 *   ours uses
 */
export function isAllowed(
  {
    own,
    bucket = []
  }: { readonly own: readonly Statement[]; readonly bucket?: readonly Statement[] },
  request: AccessRequest,
  engine: Engine = 'policy-engine'
): boolean {
  const bucketSays = effectOf(bucket, request, 'policy-engine')
  if (bucketSays === 'Deny') return false
  const ownSays = effectOf(own, request, engine)
  // Newer versions ask the user's own policies all the same, and the IAM manager mixes both.
  const strictly = effectOf(own, request, 'policy-engine')
  const mixed = engine === 'iam-manager' ? effectOf([...own, ...bucket], request, engine) : ownSays
  const isContested =
    bucketSays === 'Allow'
      ? [strictly, mixed].includes('Deny')
      : (mixed === 'Allow') !== (ownSays === 'Allow')
  if (isContested) throw new Error('SeaweedFS’s versions differ where bucket and user disagree')
  return (bucketSays ?? ownSays) === 'Allow'
}

function effectOf(statements: readonly Statement[], request: AccessRequest, engine: Engine) {
  const effects = statements
    .filter((statement) => applies(statement, request, engine))
    .map(({ Effect }) => Effect)
  return effects.includes('Deny') ? 'Deny' : effects[0]
}

function applies(statement: Statement, request: AccessRequest, engine: Engine): boolean {
  const { Sid, Effect, Principal = '*', Action, Resource, Condition = {}, ...others } = statement
  if (Action === undefined || Resource === undefined || Object.keys(others).length > 0) {
    throw new Error(`Not a statement of ours: ${JSON.stringify(statement)}`)
  }
  const { action, bucket, key } = request
  const ignoresCase = engine === 'iam-manager'
  const resource = arn(key === undefined ? bucket : `${bucket}/${key}`)
  const isAbout = (patterns: OneOrMany, value: string) =>
    [patterns].flat().some((pattern) => matches(pattern, value, request, ignoresCase))
  if (!isAbout(Action, action) || !isAbout(Resource, resource)) return false
  if (Principal !== '*') throw new Error(`Not a principal of ours: ${JSON.stringify(Principal)}`)
  const facts = factsOf(request, engine)
  return Object.entries(Condition).every(([operator, expectations]) =>
    Object.entries(expectations).every(([name, expected]) => {
      if (!Object.hasOwn(facts, name)) throw new Error(`Not a condition key of ours: ${name}`)
      return holds(operator, [expected].flat(), facts[name], request)
    })
  )
}

/** What conditions may ask for; undefined is absent. */
function factsOf(
  { user, action, method, prefix, delimiter }: AccessRequest,
  engine: Engine
): Record<string, string | undefined> {
  const absent = { 's3:delimiter': undefined, 's3:RequestMethod': undefined }
  // The IAM manager looks at the prefix of a list only, and takes a missing one for an empty one.
  const isList = action === 's3:ListBucket' && method === 'GET'
  return engine === 'iam-manager'
    ? { ...absent, 'aws:username': user, 's3:prefix': isList ? (prefix ?? '') : undefined }
    : {
        'aws:username': user,
        's3:prefix': prefix || undefined,
        's3:delimiter': delimiter || undefined,
        's3:RequestMethod': method
      }
}

function holds(
  operator: string,
  expected: readonly string[],
  fact: string | undefined,
  request: AccessRequest
): boolean {
  switch (operator) {
    case 'Null':
      return expected.includes(String(fact === undefined))
    case 'StringEquals':
      return expected.some((value) => substituted(value, request) === fact)
    case 'StringLike':
      return fact !== undefined && expected.some((pattern) => matches(pattern, fact, request))
    default:
      throw new Error(`Not an operator of ours: ${operator}`)
  }
}

function matches(pattern: string, value: string, request: AccessRequest, ignoresCase = false) {
  const literal = substituted(pattern, request).replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
  const wildcards = literal.replaceAll('*', '.*').replaceAll('?', '.')
  return new RegExp(`^${wildcards}$`, ignoresCase ? 'is' : 's').test(value)
}

function substituted(pattern: string, { user }: AccessRequest): string {
  const text = pattern.replaceAll(`\${aws:username}`, user)
  if (text.includes('${')) throw new Error(`Not a variable of ours: ${pattern}`)
  return text
}

function managedPolicy(name: string, statements: Statement[]): ManagedPolicy {
  const document = { Version: '2012-10-17', Statement: statements }
  const version = createHash('sha256').update(canonicalText(document)).digest('hex').slice(0, 8)
  return { name: `${name}-${version}`, document }
}

export function arn(resource: string): string {
  return `arn:aws:s3:::${resource}`
}
