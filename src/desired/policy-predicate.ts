import { arn, type OneOrMany, type Statement } from './access-policy.ts'

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
 * user's own ones. The store is never spared a probe by it: by it our documents are tested, and the fake answers.
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
