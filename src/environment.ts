import { Ajv } from 'ajv'
import Type, { type Static } from 'typebox'

const Switch = Type.String({ pattern: '^([Tt]rue|TRUE|[Ff]alse|FALSE)$' })

const Certificates = Type.String({
  pattern: '^-----BEGIN CERTIFICATE-----[^]+-----END CERTIFICATE-----$'
})

/** The environment as it is documented in the README; every value arrives as text. */
export const Environment = Type.Object({
  HOST: Type.String({ default: '0.0.0.0' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 8080 }),
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace'], { default: 'info' }),
  HOOK_AUTH: Type.Enum(['token', 'none'], { default: 'token' }),
  HOOK_TOKEN: Type.Optional(Type.String()),
  HOOK_TLS_CERT_FILE: Type.Optional(Type.String()),
  HOOK_TLS_KEY_FILE: Type.Optional(Type.String()),
  SYNC_BUDGET: Type.String({ default: '25s' }),
  VERIFY_INTERVAL: Type.String({ default: '5m' }),
  AUDIT_INTERVAL: Type.String({ default: '1h' }),
  HOOK_REPLICAS: Type.Integer({ minimum: 1, maximum: 100, default: 1 }),
  AWS_ENDPOINT_URL_S3: Type.String(),
  AWS_ENDPOINT_URL_IAM: Type.Optional(Type.String()),
  // It travels in a header.
  AWS_ACCESS_KEY_ID: Type.String({ pattern: '^[!-~]+$' }),
  AWS_SECRET_ACCESS_KEY: Type.String(),
  AWS_REGION: Type.String({ pattern: '^[a-z0-9-]{1,32}$', default: 'us-east-1' }),
  IDENTITY_API: Type.Enum(['iam', 'filer'], { default: 'iam' }),
  FILER_GRPC_ADDRESS: Type.Optional(
    Type.String({
      pattern: '^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\\[[0-9a-f:]+\\]):[0-9]{1,5}$'
    })
  ),
  FILER_JWT_SIGNING_KEY: Type.Optional(Type.String()),
  FILER_CA: Type.Optional(Certificates),
  FILER_TLS_CERT_FILE: Type.Optional(Type.String()),
  FILER_TLS_KEY_FILE: Type.Optional(Type.String()),
  CREDENTIAL_ROOT_KEY: Type.String(),
  CREDENTIAL_ROOT_KEY_PREVIOUS: Type.Optional(Type.String()),
  CREDENTIAL_ROTATION_DAYS: Type.Integer({ minimum: 0, maximum: 3650, default: 0 }),
  CREDENTIAL_GRACE: Type.String({ default: '7d' }),
  BUCKET_LAYOUT: Type.Enum(['per-profile', 'shared'], { default: 'per-profile' }),
  BUCKET_NAME: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$', default: 'mlpipeline' }),
  TOP_LEVEL_BROWSE: { ...Switch, default: 'false' },
  NAME_PREFIX: Type.String({ pattern: '^[a-z][a-z0-9-]{0,18}-$', default: 'profile-' }),
  ARTIFACT_RETENTION_DAYS: Type.Integer({ maximum: 36500, default: -1 }),
  CLUSTER_DOMAIN: Type.String({
    pattern: '^\\.?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$',
    default: 'cluster.local'
  }),
  OBJECT_STORE_HOST: Type.String({
    pattern: '^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$',
    default: 'seaweedfs'
  }),
  OBJECT_STORE_CA: Type.Optional(Certificates),
  ARTIFACTS_PROXY_ENABLED: { ...Switch, default: 'false' },
  FRONTEND_IMAGE: Type.String({ default: 'ghcr.io/kubeflow/kfp-frontend' }),
  FRONTEND_TAG: Type.Optional(Type.String()),
  KFP_VERSION: Type.Optional(Type.String()),
  DISABLE_ISTIO_SIDECAR: { ...Switch, default: 'false' }
})
export type Environment = Static<typeof Environment>

/** Names under which sync.py and the AWS SDKs know the same settings; the first that is set wins. */
const ALIASES: Record<string, keyof Environment> = {
  CONTROLLER_PORT: 'PORT',
  S3_ENDPOINT_URL: 'AWS_ENDPOINT_URL_S3',
  AWS_ENDPOINT_URL: 'AWS_ENDPOINT_URL_IAM'
}

/** Without IDENTITY_API=filer they would say something that is not done. */
const FILER_SETTINGS = [
  'FILER_GRPC_ADDRESS',
  'FILER_JWT_SIGNING_KEY',
  'FILER_CA',
  'FILER_TLS_CERT_FILE',
  'FILER_TLS_KEY_FILE'
] as const

const MIN_SYNC_BUDGET_MS = 1_000
const MAX_SYNC_BUDGET_MS = 600_000
const MAX_VERIFY_INTERVAL_MS = 86_400_000
const MIN_AUDIT_INTERVAL_MS = 10_000
const MAX_AUDIT_INTERVAL_MS = 7 * 86_400_000
const MIN_ROOT_KEY_BYTES = 32
const DAY_MS = 86_400_000
const MIN_GRACE_MS = 1_000
const MAX_GRACE_MS = 365 * DAY_MS
const MIN_TOKEN_LENGTH = 16

/** The schema is right, or no test would pass, and it is used once: that is not worth proof and better code. */
const COMPILE_ONCE = { validateSchema: false, meta: false, code: { optimize: false } }

/** @throws Error whose message names every faulty variable in one line and quotes no value. */
export function readEnvironment(env: Record<string, string | undefined>): Environment {
  const variables = knownVariables(env)
  const options = { allErrors: true, coerceTypes: true, useDefaults: true }
  const validate = new Ajv({ ...options, ...COMPILE_ONCE }).compile(Environment)
  validate(variables)
  const faults = (validate.errors ?? []).map((error) => {
    const name = error.instancePath.slice(1) || String(error.params['missingProperty'])
    const allowed: unknown = error.params['allowedValues']
    if (error.keyword === 'required') return `${name} is required`
    return `${name} ${error.message}${Array.isArray(allowed) ? ` (${allowed.join(', ')})` : ''}`
  })
  const environment = variables as unknown as Environment
  faults.push(...crossFaults(environment))
  if (faults.length > 0) throw new Error(`Invalid environment: ${faults.join('; ')}`)
  return environment
}

/** Surrounding white space and empty values come from ConfigMaps and mean nothing. */
function knownVariables(env: Record<string, string | undefined>): Record<string, unknown> {
  const variables: Record<string, unknown> = {}
  const names = [...Object.keys(Environment.properties), ...Object.keys(ALIASES)]
  for (const name of names) {
    const value = env[name]?.trim()
    if (value) variables[ALIASES[name] ?? name] ??= value
  }
  return variables
}

function crossFaults(environment: Partial<Environment>): string[] {
  const faults = identityApiFaults(environment)
  for (const name of ['CREDENTIAL_ROOT_KEY', 'CREDENTIAL_ROOT_KEY_PREVIOUS'] as const) {
    const key = environment[name]
    if (key !== undefined && Buffer.byteLength(key) < MIN_ROOT_KEY_BYTES) {
      faults.push(`${name} must have at least ${MIN_ROOT_KEY_BYTES} bytes`)
    }
  }
  const { CREDENTIAL_ROOT_KEY, CREDENTIAL_ROOT_KEY_PREVIOUS } = environment
  if (CREDENTIAL_ROOT_KEY !== undefined && CREDENTIAL_ROOT_KEY_PREVIOUS === CREDENTIAL_ROOT_KEY) {
    faults.push('CREDENTIAL_ROOT_KEY_PREVIOUS must not be the current one')
  }
  for (const name of ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_IAM'] as const) {
    const url = environment[name]
    if (url !== undefined && !isEndpoint(url)) faults.push(`${name} must be a URL without a path`)
  }
  const { OBJECT_STORE_CA, AWS_ENDPOINT_URL_S3 = '' } = environment
  const isPlain = isEndpoint(AWS_ENDPOINT_URL_S3) && AWS_ENDPOINT_URL_S3.startsWith('http:')
  if (OBJECT_STORE_CA !== undefined && isPlain) {
    faults.push('OBJECT_STORE_CA needs an AWS_ENDPOINT_URL_S3 with https')
  }
  const { SYNC_BUDGET = '', VERIFY_INTERVAL = '', AUDIT_INTERVAL = '' } = environment
  if (!isWithin(SYNC_BUDGET, MIN_SYNC_BUDGET_MS, MAX_SYNC_BUDGET_MS)) {
    faults.push('SYNC_BUDGET must be a duration such as 25s, from 1s to 10m')
  }
  if (!isWithin(VERIFY_INTERVAL, 0, MAX_VERIFY_INTERVAL_MS)) {
    faults.push('VERIFY_INTERVAL must be a duration such as 5m, to 1d')
  }
  if (
    milliseconds(AUDIT_INTERVAL) !== 0 &&
    !isWithin(AUDIT_INTERVAL, MIN_AUDIT_INTERVAL_MS, MAX_AUDIT_INTERVAL_MS)
  ) {
    faults.push('AUDIT_INTERVAL must be a duration such as 1h, from 10s to 7d, or 0s for no audit')
  }
  const { CREDENTIAL_GRACE = '', CREDENTIAL_ROTATION_DAYS = 0 } = environment
  if (!isWithin(CREDENTIAL_GRACE, MIN_GRACE_MS, MAX_GRACE_MS)) {
    faults.push('CREDENTIAL_GRACE must be a duration such as 7d, from 1s to 365d')
  } else if (
    CREDENTIAL_ROTATION_DAYS > 0 &&
    milliseconds(CREDENTIAL_GRACE) >= CREDENTIAL_ROTATION_DAYS * DAY_MS
  ) {
    faults.push('CREDENTIAL_GRACE must be shorter than CREDENTIAL_ROTATION_DAYS')
  }
  const tokens = tokensFrom(environment.HOOK_TOKEN)
  if (environment.HOOK_AUTH === 'none') {
    if (tokens.length > 0) faults.push('HOOK_TOKEN must not be set together with HOOK_AUTH=none')
  } else if (tokens.length === 0) {
    faults.push('HOOK_TOKEN is required (HOOK_AUTH=none lets every caller have keys)')
  } else if (tokens.some((token) => token.length < MIN_TOKEN_LENGTH)) {
    faults.push(`every token in HOOK_TOKEN must have at least ${MIN_TOKEN_LENGTH} characters`)
  }
  const { HOOK_TLS_CERT_FILE, HOOK_TLS_KEY_FILE } = environment
  if ((HOOK_TLS_CERT_FILE === undefined) !== (HOOK_TLS_KEY_FILE === undefined)) {
    faults.push('HOOK_TLS_CERT_FILE and HOOK_TLS_KEY_FILE are needed together')
  }
  const { TOP_LEVEL_BROWSE = '', BUCKET_LAYOUT } = environment
  if (isTrue(TOP_LEVEL_BROWSE) && BUCKET_LAYOUT === 'per-profile') {
    faults.push('TOP_LEVEL_BROWSE=true needs BUCKET_LAYOUT=shared')
  }
  const { ARTIFACTS_PROXY_ENABLED = '' } = environment
  if (isTrue(ARTIFACTS_PROXY_ENABLED) && !environment.FRONTEND_TAG && !environment.KFP_VERSION) {
    faults.push('FRONTEND_TAG or KFP_VERSION is required with ARTIFACTS_PROXY_ENABLED=true')
  }
  return faults
}

function identityApiFaults(environment: Partial<Environment>): string[] {
  const { IDENTITY_API, FILER_CA, FILER_TLS_CERT_FILE, FILER_TLS_KEY_FILE } = environment
  const missing = (names: readonly (keyof Environment)[]) =>
    names.filter((name) => environment[name] === undefined).map((name) => `${name} is required`)
  if (IDENTITY_API !== 'filer') {
    const idle = FILER_SETTINGS.filter((name) => environment[name] !== undefined)
    return [
      ...missing(['AWS_ENDPOINT_URL_IAM']),
      ...idle.map((name) => `${name} needs IDENTITY_API=filer`)
    ]
  }
  const faults = missing(['FILER_GRPC_ADDRESS', 'FILER_JWT_SIGNING_KEY'])
  if ((FILER_TLS_CERT_FILE === undefined) !== (FILER_TLS_KEY_FILE === undefined)) {
    faults.push('FILER_TLS_CERT_FILE and FILER_TLS_KEY_FILE are needed together')
  } else if (FILER_TLS_CERT_FILE !== undefined && FILER_CA === undefined) {
    faults.push('FILER_TLS_CERT_FILE needs FILER_CA')
  }
  return faults
}

export function isTrue(value: string): boolean {
  return value.toLowerCase() === 'true'
}

export function tokensFrom(list: string | undefined): string[] {
  return (list ?? '')
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '')
}

/** A URL that names a server and nothing on it, and no user either. */
export function isEndpoint(text: string): boolean {
  return /^https?:\/\/[^/?#@\\\s]+\/?$/.test(text) && URL.canParse(text)
}

function isWithin(duration: string, minMs: number, maxMs: number): boolean {
  const ms = milliseconds(duration)
  return ms >= minMs && ms <= maxMs
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** NaN when it is no duration. */
export function milliseconds(duration: string): number {
  const [, amount, unit] = /^([0-9]{1,9})(ms|s|m|h|d)$/.exec(duration) ?? []
  return Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS]
}
