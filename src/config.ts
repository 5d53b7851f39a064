import {
  type Environment,
  isTrue,
  milliseconds,
  readEnvironment,
  tokensFrom
} from './environment.ts'

const DAY_SECONDS = 86_400

/** What decides the desired state of a profile; the pure half of the configuration. */
export interface ProfileSettings {
  readonly layout: 'per-profile' | 'shared'
  /** KFP's own bucket: the home of every profile in the shared layout, off limits in the other. */
  readonly commonBucket: string
  /** Whether profiles may see the top level of the common bucket, and so each other's names. */
  readonly topLevelBrowse: boolean
  readonly namePrefix: string
  readonly rootKey: Buffer
  /** The root key before this one, while its keys have their grace. */
  readonly previousRootKey: Buffer | undefined
  /** Age at which a key is replaced; 0 for never. */
  readonly rotationSeconds: number
  /** How long the key before the current one keeps working. */
  readonly graceSeconds: number
  /** The store's admin, whose key no profile may hold. */
  readonly adminAccessKeyId: string
  readonly retention: { readonly days: number } | 'keep'
  readonly region: string
  /** Where pods of the cluster reach the store, `host:port`. */
  readonly storeAddress: string
  /** The PEM certificates that the store's own is signed by; without them it speaks plain HTTP. */
  readonly storeCa: string | undefined
  /** Ending of Service names with a leading dot: `.svc.cluster.local`. */
  readonly serviceDomain: string
  readonly artifactProxy: { readonly image: string; readonly disableIstioSidecar: boolean } | 'off'
}

/** The S3 endpoint that profiles use, and what writes identities: one of two, never both. */
export type StoreSettings = IamSettings | FilerSettings

interface S3Settings {
  readonly s3Endpoint: string
  readonly region: string
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

export interface IamSettings extends S3Settings {
  readonly iamEndpoint: string
  readonly filer?: undefined
}

export interface FilerSettings extends S3Settings {
  readonly iamEndpoint?: undefined
  readonly filer: Filer
}

/** The filer's gRPC port, where its identity service answers. */
export interface Filer {
  /** `host:port` */
  readonly address: string
  readonly signingKey: string
  readonly tls: FilerTls
}

/** `client` is the certificate that the filer wants to see. */
export type FilerTls = { readonly ca: string; readonly client: TlsFiles | 'off' } | 'off'

/** Where identities are written, as a URL. */
export function identityUrlOf(store: StoreSettings): string {
  return store.filer === undefined ? store.iamEndpoint : `http://${store.filer.address}`
}

/** Where a certificate and its key are mounted. */
export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

export interface Config {
  readonly server: {
    readonly host: string
    readonly port: number
    readonly logLevel: string
    readonly hookAuth: { readonly tokens: readonly string[] } | 'none'
    readonly tls: TlsFiles | 'off'
  }
  readonly store: StoreSettings
  readonly profile: ProfileSettings
  /** How long one hook call may work; shorter than the webhook's timeout. */
  readonly syncBudgetMs: number
  /** How long a proof of access and isolation is trusted. */
  readonly verifyIntervalMs: number
  /** How often all users of the store are looked at, by all replicas together; 0 for never. */
  readonly auditIntervalMs: number
  /** How many processes like this one there are. */
  readonly replicas: number
}

/** @throws Error whose message names every faulty variable in one line and quotes no value. */
export function loadConfig(env: Record<string, string | undefined>): Config {
  const environment = readEnvironment(env)
  const serviceDomain = `.svc.${environment.CLUSTER_DOMAIN.replace(/^\.?(svc\.)?/, '')}`
  return {
    server: {
      host: environment.HOST,
      port: environment.PORT,
      logLevel: environment.LOG_LEVEL,
      hookAuth:
        environment.HOOK_AUTH === 'none' ? 'none' : { tokens: tokensFrom(environment.HOOK_TOKEN) },
      tls: tlsFilesFrom(environment.HOOK_TLS_CERT_FILE, environment.HOOK_TLS_KEY_FILE)
    },
    store: {
      s3Endpoint: environment.AWS_ENDPOINT_URL_S3.replace(/\/$/, ''),
      ...identityApiFrom(environment),
      region: environment.AWS_REGION,
      credentials: {
        accessKeyId: environment.AWS_ACCESS_KEY_ID,
        secretAccessKey: environment.AWS_SECRET_ACCESS_KEY
      }
    },
    profile: {
      layout: environment.BUCKET_LAYOUT as 'per-profile' | 'shared',
      commonBucket: environment.BUCKET_NAME,
      topLevelBrowse: isTrue(environment.TOP_LEVEL_BROWSE),
      namePrefix: environment.NAME_PREFIX,
      rootKey: Buffer.from(environment.CREDENTIAL_ROOT_KEY),
      previousRootKey:
        environment.CREDENTIAL_ROOT_KEY_PREVIOUS === undefined
          ? undefined
          : Buffer.from(environment.CREDENTIAL_ROOT_KEY_PREVIOUS),
      rotationSeconds: environment.CREDENTIAL_ROTATION_DAYS * DAY_SECONDS,
      graceSeconds: Math.ceil(milliseconds(environment.CREDENTIAL_GRACE) / 1000),
      adminAccessKeyId: environment.AWS_ACCESS_KEY_ID,
      retention:
        environment.ARTIFACT_RETENTION_DAYS > 0
          ? { days: environment.ARTIFACT_RETENTION_DAYS }
          : 'keep',
      region: environment.AWS_REGION,
      storeAddress: `${environment.OBJECT_STORE_HOST}.kubeflow${serviceDomain}:9000`,
      storeCa: environment.OBJECT_STORE_CA,
      serviceDomain,
      artifactProxy: isTrue(environment.ARTIFACTS_PROXY_ENABLED)
        ? {
            image: `${environment.FRONTEND_IMAGE}:${environment.FRONTEND_TAG ?? environment.KFP_VERSION}`,
            disableIstioSidecar: isTrue(environment.DISABLE_ISTIO_SIDECAR)
          }
        : 'off'
    },
    syncBudgetMs: milliseconds(environment.SYNC_BUDGET),
    verifyIntervalMs: milliseconds(environment.VERIFY_INTERVAL),
    auditIntervalMs: milliseconds(environment.AUDIT_INTERVAL),
    replicas: environment.HOOK_REPLICAS
  }
}

function identityApiFrom(environment: Environment): { iamEndpoint: string } | { filer: Filer } {
  if (environment.IDENTITY_API === 'iam') {
    return { iamEndpoint: String(environment.AWS_ENDPOINT_URL_IAM).replace(/\/$/, '') }
  }
  const { FILER_CA, FILER_TLS_CERT_FILE, FILER_TLS_KEY_FILE } = environment
  const client = tlsFilesFrom(FILER_TLS_CERT_FILE, FILER_TLS_KEY_FILE)
  return {
    filer: {
      address: String(environment.FILER_GRPC_ADDRESS),
      signingKey: String(environment.FILER_JWT_SIGNING_KEY),
      tls: FILER_CA === undefined ? 'off' : { ca: FILER_CA, client }
    }
  }
}

function tlsFilesFrom(certFile: string | undefined, keyFile: string | undefined): TlsFiles | 'off' {
  return certFile === undefined || keyFile === undefined ? 'off' : { certFile, keyFile }
}
