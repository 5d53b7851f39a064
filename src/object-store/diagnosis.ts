import { isOlder } from '../desired/version.ts'

/** An address from the environment, and what should answer there. */
export interface Endpoint {
  readonly setting: string
  readonly url: string
  readonly api: 'S3' | 'IAM'
}

/** What an endpoint said to a request that was right. */
export interface ApiAnswer {
  readonly status: number
  /** Of the error; empty when the answer is none of the S3 or IAM API. */
  readonly code: string
  readonly body: string
  /** Other servers have pages for every address. */
  readonly isOfStore: boolean
  /** Of the SeaweedFS, when it says. */
  readonly version: string | undefined
  /** How much later it is here than there; NaN when it does not say. */
  readonly clockAheadMs: number
}

/** The first that takes a key pair from the caller. */
const OLDEST_USABLE = '4.22'
const PREFERRED = '4.48'
const MINUTE_MS = 60_000

/** Why a store of that version can never do, in one sentence. */
export function versionFault({ setting }: Endpoint, version: string | undefined) {
  if (version === undefined || !isOlder(version, OLDEST_USABLE)) return undefined
  return `SeaweedFS ${version} at ${setting} is too old, because it draws access keys of its own; upgrade it to ${PREFERRED} (${OLDEST_USABLE} at the least)`
}

/**
 * Why nothing answers, in one sentence that names the setting to change.
 * @param error of the wire; undefined when time ran out
 */
export function silenceFault({ setting, url }: Endpoint, error: unknown): string {
  const { hostname, host, port, protocol } = new URL(url)
  if (error === undefined) {
    return `${setting}: no answer from ${host} in time; correct the address, or let a NetworkPolicy admit this pod there`
  }
  const { code, message } = error as NodeJS.ErrnoException
  const place = port === '' ? `${host} on the usual port of ${protocol}//` : host
  const unknown = `${setting}: no answer from ${place} (${code ?? message}); correct host and port, or look at the store`
  switch (code) {
    case 'EPROTO':
      return /wrong version number|packet length/.test(message) ? noTls(setting, host) : unknown
    case 'ENOTFOUND':
      return `${setting}: there is no host ${hostname}; correct it, with its namespace, as in seaweedfs.kubeflow`
    case 'EAI_AGAIN':
      return `${setting}: the host ${hostname} cannot be looked up; correct it, or let a NetworkPolicy admit this pod to DNS`
    case 'ECONNREFUSED':
      return `${setting}: nobody listens at ${place}; correct host and port, or start the store`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `${setting}: the certificate of ${host} is for other names than ${hostname}; use one of those, or have it issued for this one`
    case 'CERT_HAS_EXPIRED':
      return `${setting}: the certificate of ${host} has expired; renew it`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `${setting}: nobody here trusts the certificate of ${host} (${code}); set NODE_EXTRA_CA_CERTS to a file with its CA`
    default:
      return unknown
  }
}

function noTls(setting: string, host: string): string {
  return `${setting}: ${host} does not speak TLS; ${isDerived(setting) ? 'unset OBJECT_STORE_CA' : 'write http:// instead of https://'}`
}

/** Why the answer is not the one wanted, in one sentence that names the setting to change. */
export function answerFault({ setting, url, api }: Endpoint, answer: ApiAnswer): string {
  const { host } = new URL(url)
  const { status, code, body, clockAheadMs } = answer
  const isTls = url.startsWith('https:')
  switch (true) {
    case code === 'InvalidAccessKeyId':
      return `AWS_ACCESS_KEY_ID: ${host} does not know this key; give the key of the store's admin, or correct ${setting} if that is another store`
    case code === 'SignatureDoesNotMatch':
      return `AWS_SECRET_ACCESS_KEY: ${host} knows AWS_ACCESS_KEY_ID with another secret; give the secret of the store's admin`
    case code === 'RequestTimeTooSkewed':
      return `The clock here is ${skew(clockAheadMs)} that of ${host}, which refuses that; synchronise the clocks of the nodes`
    case body.includes('write operations are disabled'):
      return `${setting}: IAM at ${host} is read-only; start it with -s3.iam.readOnly=false, or name the port of a writable one (8111 in a stock KFP)`
    case code === 'AccessDenied':
      return `AWS_ACCESS_KEY_ID: ${host} refuses this key what an admin may do; give the key of the store's admin`
    case code === 'NotImplemented':
      return `${setting}: ${host} does not know managed policies; upgrade it to SeaweedFS ${PREFERRED} (${OLDEST_USABLE} at the least)`
    case !isTls && status === 400 && /HTTPS (server|port)/.test(body):
      return `${setting}: ${host} speaks TLS only; ${isDerived(setting) ? 'set OBJECT_STORE_CA' : 'write https:// instead of http://'}`
    case isFailure(answer):
      return `${setting}: ${host} fails (HTTP ${status}${code && ` ${code}`}); its own log says why`
    case api === 'IAM' && status === 405:
      return `${setting}: ${host} serves no IAM (HTTP 405); name a SeaweedFS that does, which a gateway with -iam=false does not`
    default:
      return `${setting}: what answers at ${host} is not the ${api} API of SeaweedFS (HTTP ${status}${code && ` ${code}`}); correct host and port`
  }
}

/** Proxies answer 502 to 504 in words of their own while the store behind them is away; a filer says 500 in JSON. */
function isFailure({ status, code, body }: ApiAnswer): boolean {
  return (status >= 500 && (code !== '' || body === '')) || (status >= 502 && status <= 504)
}

/** Nobody writes the scheme of that address: profiles are told it by OBJECT_STORE_CA. */
function isDerived(setting: string): boolean {
  return setting === 'OBJECT_STORE_HOST'
}

function skew(aheadMs: number): string {
  const minutes = Math.round(Math.abs(aheadMs) / MINUTE_MS)
  return `${minutes} min ${aheadMs < 0 ? 'behind' : 'ahead of'}`
}
