import { readFileSync } from 'node:fs'
import t from 'tap'
import { identityUrlOf, loadConfig } from '../src/config.ts'
import { Environment } from '../src/environment.ts'
import { config, environment, HOOK_TOKEN, ROOT_KEY } from './fixtures/builders.ts'

/** The message of a start that must be refused. */
function refusal(env: Record<string, string | undefined>): string {
  try {
    loadConfig(env)
  } catch (error) {
    return (error as Error).message
  }
  return 'started'
}

/** The smallest environment without some of its variables. */
function without(...names: string[]): Record<string, string> {
  const kept = Object.entries(environment()).filter(([name]) => !names.includes(name))
  return Object.fromEntries(kept)
}

const AUDIT_FAULT =
  'AUDIT_INTERVAL must be a duration such as 1h, from 10s to 7d, or 0s for no audit'

const TLS_FAULT = 'HOOK_TLS_CERT_FILE and HOOK_TLS_KEY_FILE are needed together'
const CA = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----'

t.test('loadConfig', async (t) => {
  t.test('fills in every default', async (t) => {
    t.strictSame(loadConfig(environment()), {
      server: {
        host: '0.0.0.0',
        port: 8080,
        logLevel: 'info',
        hookAuth: { tokens: [HOOK_TOKEN] },
        tls: 'off'
      },
      store: {
        s3Endpoint: 'http://store.invalid:8333',
        iamEndpoint: 'http://store.invalid:8111',
        region: 'us-east-1',
        credentials: {
          accessKeyId: 'ADMINACCESSKEY',
          secretAccessKey: 'admin-secret-of-the-tests'
        }
      },
      profile: {
        layout: 'per-profile',
        commonBucket: 'mlpipeline',
        topLevelBrowse: false,
        namePrefix: 'profile-',
        rootKey: Buffer.from(ROOT_KEY),
        previousRootKey: undefined,
        rotationSeconds: 0,
        graceSeconds: 7 * 86_400,
        adminAccessKeyId: 'ADMINACCESSKEY',
        retention: 'keep',
        region: 'us-east-1',
        storeAddress: 'seaweedfs.kubeflow.svc.cluster.local:9000',
        storeCa: undefined,
        serviceDomain: '.svc.cluster.local',
        artifactProxy: 'off'
      },
      syncBudgetMs: 25_000,
      verifyIntervalMs: 300_000,
      auditIntervalMs: 3_600_000,
      replicas: 1
    })
  })

  t.test('takes every variable', async (t) => {
    const everything = {
      HOST: '127.0.0.1',
      PORT: '9090',
      LOG_LEVEL: 'debug',
      HOOK_AUTH: 'token',
      HOOK_TOKEN: 'first-token-of-the-tests, second-token-of-the-tests,',
      SYNC_BUDGET: '9s',
      VERIFY_INTERVAL: '1h',
      AUDIT_INTERVAL: '2h',
      HOOK_REPLICAS: '2',
      AWS_ENDPOINT_URL_S3: 'https://s3.example.com/',
      AWS_ENDPOINT_URL_IAM: 'https://iam.example.com/',
      AWS_ACCESS_KEY_ID: 'OTHERACCESSKEY',
      AWS_SECRET_ACCESS_KEY: 'other-secret',
      AWS_REGION: 'eu-central-1',
      IDENTITY_API: 'filer',
      FILER_GRPC_ADDRESS: 'filer.example.com:18888',
      FILER_JWT_SIGNING_KEY: 'signing-key-of-the-tests',
      FILER_CA: CA,
      FILER_TLS_CERT_FILE: '/etc/filer/tls.crt',
      FILER_TLS_KEY_FILE: '/etc/filer/tls.key',
      CREDENTIAL_ROOT_KEY: 'another-root-key-of-32-bytes-or-more',
      CREDENTIAL_ROOT_KEY_PREVIOUS: 'the-root-key-before-of-32-bytes-or-more',
      CREDENTIAL_ROTATION_DAYS: '30',
      CREDENTIAL_GRACE: '36h',
      BUCKET_LAYOUT: 'shared',
      BUCKET_NAME: 'pipelines',
      TOP_LEVEL_BROWSE: 'true',
      NAME_PREFIX: 'kf-',
      ARTIFACT_RETENTION_DAYS: '30',
      CLUSTER_DOMAIN: 'example.internal',
      OBJECT_STORE_HOST: 'minio-service',
      OBJECT_STORE_CA: CA,
      HOOK_TLS_CERT_FILE: '/etc/tls/tls.crt',
      HOOK_TLS_KEY_FILE: '/etc/tls/tls.key',
      ARTIFACTS_PROXY_ENABLED: 'True',
      FRONTEND_IMAGE: 'images.example.com/frontend',
      FRONTEND_TAG: '2.17.0',
      KFP_VERSION: '2.16.0',
      DISABLE_ISTIO_SIDECAR: 'TRUE'
    }
    t.strictSame(
      Object.keys(everything).sort(),
      Object.keys(Environment.properties).sort(),
      'this table is complete'
    )
    t.strictSame(loadConfig(everything), {
      server: {
        host: '127.0.0.1',
        port: 9090,
        logLevel: 'debug',
        hookAuth: { tokens: ['first-token-of-the-tests', 'second-token-of-the-tests'] },
        tls: { certFile: '/etc/tls/tls.crt', keyFile: '/etc/tls/tls.key' }
      },
      store: {
        s3Endpoint: 'https://s3.example.com',
        filer: {
          address: 'filer.example.com:18888',
          signingKey: 'signing-key-of-the-tests',
          tls: {
            ca: CA,
            client: { certFile: '/etc/filer/tls.crt', keyFile: '/etc/filer/tls.key' }
          }
        },
        region: 'eu-central-1',
        credentials: { accessKeyId: 'OTHERACCESSKEY', secretAccessKey: 'other-secret' }
      },
      profile: {
        layout: 'shared',
        commonBucket: 'pipelines',
        topLevelBrowse: true,
        namePrefix: 'kf-',
        rootKey: Buffer.from('another-root-key-of-32-bytes-or-more'),
        previousRootKey: Buffer.from('the-root-key-before-of-32-bytes-or-more'),
        rotationSeconds: 30 * 86_400,
        graceSeconds: 36 * 3600,
        adminAccessKeyId: 'OTHERACCESSKEY',
        retention: { days: 30 },
        region: 'eu-central-1',
        storeAddress: 'minio-service.kubeflow.svc.example.internal:9000',
        storeCa: CA,
        serviceDomain: '.svc.example.internal',
        artifactProxy: { image: 'images.example.com/frontend:2.17.0', disableIstioSidecar: true }
      },
      syncBudgetMs: 9_000,
      verifyIntervalMs: 3_600_000,
      auditIntervalMs: 7_200_000,
      replicas: 2
    })
  })

  t.test('knows the names of sync.py and of the AWS SDKs', async (t) => {
    const env = without('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL_IAM')
    const aliases = {
      CONTROLLER_PORT: '81',
      S3_ENDPOINT_URL: 'http://alias.invalid:1',
      AWS_ENDPOINT_URL: 'http://alias.invalid:2'
    }
    const { server, store } = loadConfig({ ...env, ...aliases })
    t.equal(server.port, 81)
    t.equal(store.s3Endpoint, 'http://alias.invalid:1')
    t.equal(store.iamEndpoint, 'http://alias.invalid:2')

    const primary = {
      PORT: '82',
      AWS_ENDPOINT_URL_S3: 'http://primary.invalid:1',
      AWS_ENDPOINT_URL_IAM: 'http://primary.invalid:2'
    }
    const both = loadConfig({ ...aliases, ...env, ...primary })
    t.equal(both.server.port, 82, 'the primary name wins')
    t.equal(both.store.s3Endpoint, 'http://primary.invalid:1')
    t.equal(both.store.iamEndpoint, 'http://primary.invalid:2')

    const blank = loadConfig({ ...env, ...aliases, PORT: ' ', AWS_ENDPOINT_URL_S3: '' })
    t.equal(blank.server.port, 81, 'a blank primary name counts as not set')
    t.equal(blank.store.s3Endpoint, 'http://alias.invalid:1')
  })

  t.test('ignores blank values and surrounding white space', async (t) => {
    const plain = loadConfig(environment())
    const blank = { HOST: '', LOG_LEVEL: '  ', FRONTEND_TAG: '\n', HOOK_AUTH: '\t' }
    t.strictSame(loadConfig({ ...environment(), ...blank }), plain)
    const padded = Object.entries(environment()).map(([name, value]) => [name, ` ${value}\n`])
    t.strictSame(loadConfig(Object.fromEntries(padded)), plain)
    t.match(refusal(environment({ AWS_ACCESS_KEY_ID: ' ' })), /AWS_ACCESS_KEY_ID is required/)
  })

  t.test('reports all that is missing in one line', async (t) => {
    t.equal(
      refusal({}),
      'Invalid environment: ' +
        [
          'AWS_ENDPOINT_URL_S3 is required',
          'AWS_ACCESS_KEY_ID is required',
          'AWS_SECRET_ACCESS_KEY is required',
          'CREDENTIAL_ROOT_KEY is required',
          'AWS_ENDPOINT_URL_IAM is required',
          'HOOK_TOKEN is required (HOOK_AUTH=none lets every caller have keys)'
        ].join('; ')
    )
  })

  t.test('reports all that is wrong in one line and quotes no value', async (t) => {
    const faulty = {
      PORT: '65536',
      LOG_LEVEL: 'wrong-level',
      HOOK_TOKEN: 'wrong-token',
      SYNC_BUDGET: 'wrong-budget',
      VERIFY_INTERVAL: '5',
      AWS_ENDPOINT_URL_S3: 'http://wrong-user:wrong-password@store.invalid',
      AWS_ENDPOINT_URL_IAM: 'wrong-url',
      AWS_ACCESS_KEY_ID: 'wrong\nkey',
      AWS_REGION: 'wrong region',
      IDENTITY_API: 'wrong-api',
      HOOK_REPLICAS: 'wrong-number',
      CREDENTIAL_ROOT_KEY: 'wrong-root-key',
      CREDENTIAL_ROOT_KEY_PREVIOUS: 'wrong-previous-key',
      CREDENTIAL_ROTATION_DAYS: 'wrong-days',
      CREDENTIAL_GRACE: 'wrong-grace',
      BUCKET_LAYOUT: 'wrong-layout',
      BUCKET_NAME: 'Wrong',
      TOP_LEVEL_BROWSE: 'wrong',
      NAME_PREFIX: 'wrong',
      ARTIFACT_RETENTION_DAYS: 'wrong-days',
      CLUSTER_DOMAIN: 'wrong domain',
      OBJECT_STORE_HOST: 'wrong:9000',
      OBJECT_STORE_CA: 'wrong-ca',
      ARTIFACTS_PROXY_ENABLED: 'wrong',
      DISABLE_ISTIO_SIDECAR: 'wrong'
    }
    const message = refusal(environment(faulty))
    for (const name of Object.keys(faulty)) t.match(message, name)
    t.notMatch(message, /wrong/i)
    t.notMatch(message, '65536')
    t.notMatch(message, '\n')
    t.equal(message.split('; ').length, Object.keys(faulty).length, 'each is named once')
    t.match(message, 'LOG_LEVEL must be equal to one of the allowed values (fatal, error, warn,')
    t.match(message, 'PORT must be <= 65535')
    t.match(message, 'AWS_ENDPOINT_URL_S3 must be a URL without a path')
    t.match(message, 'AWS_ENDPOINT_URL_IAM must be a URL without a path')
    t.match(message, 'SYNC_BUDGET must be a duration such as 25s, from 1s to 10m')
    t.match(message, 'VERIFY_INTERVAL must be a duration such as 5m, to 1d')
    t.match(message, 'CREDENTIAL_ROOT_KEY_PREVIOUS must have at least 32 bytes')
    t.match(message, 'CREDENTIAL_GRACE must be a duration such as 7d, from 1s to 365d')
  })

  t.test('names a faulty variable once, and nothing else', async (t) => {
    const faults: [name: string, value: string, fault: string][] = [
      ['SYNC_BUDGET', 'soon', 'SYNC_BUDGET must be a duration such as 25s, from 1s to 10m'],
      ['SYNC_BUDGET', '999ms', 'SYNC_BUDGET must be a duration such as 25s, from 1s to 10m'],
      ['VERIFY_INTERVAL', 'daily', 'VERIFY_INTERVAL must be a duration such as 5m, to 1d'],
      ['VERIFY_INTERVAL', '25h', 'VERIFY_INTERVAL must be a duration such as 5m, to 1d'],
      ['AUDIT_INTERVAL', 'often', AUDIT_FAULT],
      ['HOOK_TLS_CERT_FILE', '/tls.crt', TLS_FAULT],
      ['HOOK_TLS_KEY_FILE', '/tls.key', TLS_FAULT],
      ['OBJECT_STORE_CA', CA, 'OBJECT_STORE_CA needs an AWS_ENDPOINT_URL_S3 with https'],
      ['AUDIT_INTERVAL', '9s', AUDIT_FAULT],
      ['AUDIT_INTERVAL', '8d', AUDIT_FAULT],
      [
        'CREDENTIAL_ROOT_KEY_PREVIOUS',
        ROOT_KEY,
        'CREDENTIAL_ROOT_KEY_PREVIOUS must not be the current one'
      ],
      [
        'CREDENTIAL_ROTATION_DAYS',
        '7',
        'CREDENTIAL_GRACE must be shorter than CREDENTIAL_ROTATION_DAYS'
      ],
      ['AWS_ENDPOINT_URL_S3', 'http://a b', 'AWS_ENDPOINT_URL_S3 must be a URL without a path'],
      ['AWS_ENDPOINT_URL_IAM', 'store', 'AWS_ENDPOINT_URL_IAM must be a URL without a path'],
      ['TOP_LEVEL_BROWSE', 'True', 'TOP_LEVEL_BROWSE=true needs BUCKET_LAYOUT=shared']
    ]
    for (const [name, value, fault] of faults) {
      t.equal(refusal(environment({ [name]: value })), `Invalid environment: ${fault}`)
    }
  })

  t.test('reports an alias by the name that it stands for', async (t) => {
    const env = without('AWS_ENDPOINT_URL_S3')
    const message = refusal({ ...env, S3_ENDPOINT_URL: 'http://store.invalid/path' })
    t.equal(message, 'Invalid environment: AWS_ENDPOINT_URL_S3 must be a URL without a path')
  })

  const FILER = {
    IDENTITY_API: 'filer',
    FILER_GRPC_ADDRESS: 'filer.invalid:18888',
    FILER_JWT_SIGNING_KEY: 'signing-key-of-the-tests'
  }
  const KEY_FILES = { FILER_TLS_CERT_FILE: '/tls.crt', FILER_TLS_KEY_FILE: '/tls.key' }
  const SHARED = {
    s3Endpoint: 'http://store.invalid:8333',
    region: 'us-east-1',
    credentials: { accessKeyId: 'ADMINACCESSKEY', secretAccessKey: 'admin-secret-of-the-tests' }
  }

  t.test('writes identities through the filer and then through nothing else', async (t) => {
    const filer = { address: 'filer.invalid:18888', signingKey: 'signing-key-of-the-tests' }
    const plain = { ...SHARED, filer: { ...filer, tls: 'off' } }
    t.strictSame(loadConfig({ ...without('AWS_ENDPOINT_URL_IAM'), ...FILER }).store, plain)
    t.strictSame(config(FILER).store, plain, 'the other endpoint is not used')
    t.equal(identityUrlOf(config(FILER).store), 'http://filer.invalid:18888')
    t.equal(identityUrlOf(config().store), 'http://store.invalid:8111')
    const tls = { ca: CA, client: 'off' }
    t.strictSame(config({ ...FILER, FILER_CA: CA }).store, { ...SHARED, filer: { ...filer, tls } })
  })

  t.test('refuses what does not go with the identity API', async (t) => {
    const faults: [overrides: Record<string, string>, fault: string][] = [
      [{ FILER_GRPC_ADDRESS: 'a:1' }, 'FILER_GRPC_ADDRESS needs IDENTITY_API=filer'],
      [{ FILER_JWT_SIGNING_KEY: 'key' }, 'FILER_JWT_SIGNING_KEY needs IDENTITY_API=filer'],
      [{ FILER_CA: CA }, 'FILER_CA needs IDENTITY_API=filer'],
      [
        { IDENTITY_API: 'filer' },
        'FILER_GRPC_ADDRESS is required; FILER_JWT_SIGNING_KEY is required'
      ],
      [
        { ...FILER, FILER_TLS_KEY_FILE: '/tls.key' },
        'FILER_TLS_CERT_FILE and FILER_TLS_KEY_FILE are needed together'
      ],
      [{ ...FILER, ...KEY_FILES }, 'FILER_TLS_CERT_FILE needs FILER_CA']
    ]
    for (const [overrides, fault] of faults) {
      t.equal(refusal(environment(overrides)), `Invalid environment: ${fault}`)
    }
    for (const address of ['filer', 'http://filer:18888', 'filer:18888/', 'a b:1', ':18888']) {
      const message = refusal(environment({ ...FILER, FILER_GRPC_ADDRESS: address }))
      t.match(message, 'Invalid environment: FILER_GRPC_ADDRESS must match pattern')
    }
    for (const address of ['10.0.0.1:18888', '[fd00::1]:18888', 'filer.kubeflow:18888']) {
      t.match(config({ ...FILER, FILER_GRPC_ADDRESS: address }).store.filer, { address })
    }
  })

  const refused: [name: string, value: string][] = [
    ['PORT', '-1'],
    ['PORT', 'http'],
    ['PORT', '80.5'],
    ['AWS_ENDPOINT_URL_S3', 'store.invalid:8333'],
    ['AWS_ENDPOINT_URL_S3', 'ftp://store.invalid'],
    ['AWS_ENDPOINT_URL_S3', 'http://store.invalid/path'],
    ['AWS_ENDPOINT_URL_S3', 'http://store.invalid//'],
    ['AWS_ENDPOINT_URL_S3', 'http://store.invalid:99999'],
    ['AWS_ENDPOINT_URL_S3', 'http://store.invalid:port'],
    ['AWS_ENDPOINT_URL_S3', 'http://a b'],
    ['AWS_ENDPOINT_URL_S3', 'http://'],
    ['AWS_ENDPOINT_URL_S3', 'http://user@store.invalid'],
    ['AWS_ENDPOINT_URL_S3', 'http://:password@store.invalid'],
    ['AWS_ENDPOINT_URL_IAM', 'http://store.invalid?query'],
    ['AWS_ENDPOINT_URL_IAM', 'http://store.invalid/#hash'],
    ['AWS_ENDPOINT_URL_IAM', 'http://store.invalid:99999/'],
    ['AWS_ENDPOINT_URL_IAM', 'http://a b'],
    ['SYNC_BUDGET', '25'],
    ['SYNC_BUDGET', '1.5s'],
    ['SYNC_BUDGET', '1 s'],
    ['SYNC_BUDGET', '-1s'],
    ['SYNC_BUDGET', '25S'],
    ['SYNC_BUDGET', '25sec'],
    ['SYNC_BUDGET', 's'],
    ['SYNC_BUDGET', '0s'],
    ['SYNC_BUDGET', '999ms'],
    ['SYNC_BUDGET', '600001ms'],
    ['SYNC_BUDGET', '601s'],
    ['SYNC_BUDGET', '1h'],
    ['SYNC_BUDGET', '1d'],
    ['VERIFY_INTERVAL', '5'],
    ['VERIFY_INTERVAL', '5 m'],
    ['VERIFY_INTERVAL', '86400001ms'],
    ['VERIFY_INTERVAL', '25h'],
    ['VERIFY_INTERVAL', '2d'],
    ['VERIFY_INTERVAL', '9999999999ms'],
    ['CREDENTIAL_ROTATION_DAYS', '-1'],
    ['CREDENTIAL_ROTATION_DAYS', '1.5'],
    ['CREDENTIAL_ROTATION_DAYS', '3651'],
    ['CREDENTIAL_GRACE', '7'],
    ['CREDENTIAL_GRACE', '0s'],
    ['CREDENTIAL_GRACE', '999ms'],
    ['CREDENTIAL_GRACE', '366d'],
    ['BUCKET_NAME', 'ab'],
    ['BUCKET_NAME', 'with.dot'],
    ['BUCKET_NAME', `a${'b'.repeat(63)}`],
    ['NAME_PREFIX', 'no-dash-at-the-end'],
    ['NAME_PREFIX', '1-'],
    ['NAME_PREFIX', `${'p'.repeat(20)}-`],
    ['ARTIFACT_RETENTION_DAYS', '36501'],
    ['ARTIFACT_RETENTION_DAYS', 'forever'],
    ['ARTIFACT_RETENTION_DAYS', '1.5'],
    ['CLUSTER_DOMAIN', 'UPPER.CASE'],
    ['CLUSTER_DOMAIN', 'a..b'],
    ['CLUSTER_DOMAIN', '..a'],
    ['CLUSTER_DOMAIN', 'a.'],
    ['CLUSTER_DOMAIN', '.'],
    ['HOOK_REPLICAS', '0'],
    ['IDENTITY_API', 'grpc']
  ]
  for (const [name, value] of refused) {
    t.test(`refuses ${name}=${value}`, async (t) => {
      t.match(refusal(environment({ [name]: value })), `Invalid environment: ${name} must`)
    })
  }

  t.test('asks for a token unless there is none on purpose', async (t) => {
    const tokenless = without('HOOK_TOKEN')
    const required = 'HOOK_TOKEN is required (HOOK_AUTH=none lets every caller have keys)'
    t.equal(refusal(tokenless), `Invalid environment: ${required}`)
    t.equal(refusal({ ...tokenless, HOOK_AUTH: 'token' }), `Invalid environment: ${required}`)
    t.equal(refusal({ ...tokenless, HOOK_TOKEN: ' , ,' }), `Invalid environment: ${required}`)
    t.equal(loadConfig({ ...tokenless, HOOK_AUTH: 'none' }).server.hookAuth, 'none')
    t.equal(
      refusal(environment({ HOOK_AUTH: 'none' })),
      'Invalid environment: HOOK_TOKEN must not be set together with HOOK_AUTH=none'
    )
    const tooShort = refusal(environment({ HOOK_TOKEN: `${HOOK_TOKEN},fifteen-letters` }))
    t.equal(
      tooShort,
      'Invalid environment: every token in HOOK_TOKEN must have at least 16 characters'
    )
    const shortest = config({ HOOK_TOKEN: 'sixteen--letters' }).server.hookAuth
    t.strictSame(shortest, { tokens: ['sixteen--letters'] })
  })

  t.test('counts the root key in bytes', async (t) => {
    const tooShort = 'Invalid environment: CREDENTIAL_ROOT_KEY must have at least 32 bytes'
    t.equal(refusal(environment({ CREDENTIAL_ROOT_KEY: 'k'.repeat(31) })), tooShort)
    t.equal(refusal(environment({ CREDENTIAL_ROOT_KEY: 'ü'.repeat(15) })), tooShort)
    t.equal(config({ CREDENTIAL_ROOT_KEY: 'k'.repeat(32) }).profile.rootKey.length, 32)
    t.equal(config({ CREDENTIAL_ROOT_KEY: 'ü'.repeat(16) }).profile.rootKey.length, 32)
  })

  t.test('keeps the grace shorter than the age at which keys are replaced', async (t) => {
    const graceOf = (CREDENTIAL_ROTATION_DAYS: string, CREDENTIAL_GRACE: string) =>
      config({ CREDENTIAL_ROTATION_DAYS, CREDENTIAL_GRACE }).profile.graceSeconds
    t.equal(graceOf('8', ''), 7 * 86_400)
    t.equal(graceOf('1', '86399s'), 86_399)
    t.equal(graceOf('0', '365d'), 365 * 86_400, 'nothing is replaced by age')
    t.equal(graceOf('0', '1500ms'), 2, 'in whole seconds')
    const fault = 'CREDENTIAL_GRACE must be shorter than CREDENTIAL_ROTATION_DAYS'
    const equal = environment({ CREDENTIAL_ROTATION_DAYS: '1', CREDENTIAL_GRACE: '24h' })
    t.equal(refusal(equal), `Invalid environment: ${fault}`)
  })

  t.test('keeps artifacts for ever when the retention is off', async (t) => {
    for (const days of ['-1', '0', '', '-2', '-30', '-36501']) {
      t.equal(config({ ARTIFACT_RETENTION_DAYS: days }).profile.retention, 'keep', `"${days}"`)
    }
    t.strictSame(config({ ARTIFACT_RETENTION_DAYS: '1' }).profile.retention, { days: 1 })
  })

  t.test('understands the cluster domain in all four spellings', async (t) => {
    for (const spelling of ['k8s.corp', '.k8s.corp', 'svc.k8s.corp', '.svc.k8s.corp']) {
      const { serviceDomain, storeAddress } = config({ CLUSTER_DOMAIN: spelling }).profile
      t.equal(serviceDomain, '.svc.k8s.corp', spelling)
      t.equal(storeAddress, 'seaweedfs.kubeflow.svc.k8s.corp:9000', spelling)
    }
  })

  const durations: [text: string, ms: number][] = [
    ['1000ms', 1_000],
    ['1s', 1_000],
    ['10s', 10_000],
    ['2m', 120_000],
    ['600s', 600_000],
    ['10m', 600_000]
  ]
  for (const [text, ms] of durations) {
    t.test(`reads the duration ${text}`, async (t) => {
      const { syncBudgetMs, verifyIntervalMs } = config({
        SYNC_BUDGET: text,
        VERIFY_INTERVAL: text
      })
      t.equal(syncBudgetMs, ms)
      t.equal(verifyIntervalMs, ms)
    })
  }

  const intervals: [text: string, ms: number][] = [
    ['0s', 0],
    ['250ms', 250],
    ['1h', 3_600_000],
    ['24h', 86_400_000],
    ['86400000ms', 86_400_000],
    ['1d', 86_400_000]
  ]
  t.test('reads 0s as no audit', async (t) => {
    t.equal(config({ AUDIT_INTERVAL: '0s' }).auditIntervalMs, 0)
  })

  for (const [text, ms] of intervals) {
    t.test(`reads the verify interval ${text}`, async (t) => {
      const { syncBudgetMs, verifyIntervalMs } = config({ VERIFY_INTERVAL: text })
      t.equal(verifyIntervalMs, ms)
      t.equal(syncBudgetMs, 25_000, 'the sync budget has an interval of its own')
    })
  }

  t.test('takes endpoints with ports, addresses and a slash at the end', async (t) => {
    const endpoints: [text: string, endpoint: string][] = [
      ['http://store', 'http://store'],
      ['http://store.invalid:65535/', 'http://store.invalid:65535'],
      ['https://10.0.0.1:8333', 'https://10.0.0.1:8333'],
      ['http://[::1]:8333', 'http://[::1]:8333']
    ]
    for (const [text, endpoint] of endpoints) {
      const { store } = config({ AWS_ENDPOINT_URL_S3: text, AWS_ENDPOINT_URL_IAM: text })
      t.equal(store.s3Endpoint, endpoint)
      t.equal(store.iamEndpoint, endpoint)
    }
  })

  t.test('needs a tag for the artifact proxy', async (t) => {
    const enabled = { ARTIFACTS_PROXY_ENABLED: 'true' }
    t.equal(
      refusal(environment(enabled)),
      'Invalid environment: FRONTEND_TAG or KFP_VERSION is required with ARTIFACTS_PROXY_ENABLED=true'
    )
    const image = (overrides: Record<string, string>) =>
      config({ ...enabled, ...overrides }).profile.artifactProxy
    t.strictSame(image({ KFP_VERSION: '2.16.0' }), {
      image: 'ghcr.io/kubeflow/kfp-frontend:2.16.0',
      disableIstioSidecar: false
    })
    t.strictSame(image({ KFP_VERSION: '2.16.0', FRONTEND_TAG: '2.17.0' }), {
      image: 'ghcr.io/kubeflow/kfp-frontend:2.17.0',
      disableIstioSidecar: false
    })
    t.equal(config({ ARTIFACTS_PROXY_ENABLED: 'False' }).profile.artifactProxy, 'off')
  })
})

t.test('Environment', async (t) => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const [, settings = ''] = /## Settings\n(.*?)\nPer profile,/s.exec(readme) ?? []
  const rows = settings.split('\n').filter((line) => line.startsWith('| `'))
  const quoted = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text)
  const documented = rows.flatMap((row) => {
    const [, names, defaults] = row.split('|')
    return quoted(names).map((name, index) => [name, quoted(defaults)[index]] as const)
  })

  t.test('is the settings table of the README, defaults and all', async (t) => {
    const known = Object.entries(Environment.properties).map(([name, schema]) => {
      const { default: standard } = schema as { default?: unknown }
      return [name, standard?.toString()]
    })
    t.strictSame(Object.fromEntries(documented), Object.fromEntries(known))
  })
})
