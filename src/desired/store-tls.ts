import type { ProfileSettings } from '../config.ts'
import { CREDENTIALS_SECRET } from '../profile.ts'

/** What a profile's tools are told when the store speaks TLS, signed by an authority that only we know. */

/** In the credentials Secret: Argo Workflows and KFP's launcher read the authority from a Secret of the namespace. */
export const CA_KEY = 'ca.crt'
/** KServe reads it from a ConfigMap, under a key that it has fixed. */
export const CA_CONFIG_MAP = 'object-store-ca'
export const CA_CONFIG_MAP_KEY = 'cabundle.crt'

/** Where pods of profiles find the store. */
export function storeUrlFor({
  storeAddress,
  storeCa
}: Pick<ProfileSettings, 'storeAddress' | 'storeCa'>): string {
  return `${storeCa === undefined ? 'http' : 'https'}://${storeAddress}`
}

/**
 * KFP's launcher without `providers` speaks plain HTTP. All of `default` is needed: without `maxRetries` the driver
 * fails, and without `credentials` the run does.
 */
export function launcherProviders({ storeAddress, region }: ProfileSettings): string {
  const secretRef = {
    secretName: CREDENTIALS_SECRET,
    accessKeyKey: 'accesskey',
    secretKeyKey: 'secretkey'
  }
  const provider = {
    default: {
      endpoint: storeAddress,
      region,
      disableSSL: false,
      forcePathStyle: true,
      maxRetries: 5,
      credentials: { fromEnv: false, secretRef }
    }
  }
  return JSON.stringify({ minio: provider })
}

/** For the artifact proxy, which is a Node.js process. */
export const PROXY_TLS = {
  env: [
    { name: 'MINIO_SSL', value: 'true' },
    { name: 'NODE_EXTRA_CA_CERTS', value: `/etc/object-store-ca/${CA_KEY}` }
  ],
  volumeMounts: [{ name: 'object-store-ca', mountPath: '/etc/object-store-ca', readOnly: true }],
  volumes: [
    {
      name: 'object-store-ca',
      secret: { secretName: CREDENTIALS_SECRET, items: [{ key: CA_KEY, path: CA_KEY }] }
    }
  ]
} as const
