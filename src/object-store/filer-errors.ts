import { NotReady, StoreRejected, StoreUnavailable } from '../errors.ts'
import { TOKEN_SECONDS } from './filer-token.ts'
import type { Budget } from './object-store.ts'
import { redacted, withoutSecrets } from './store-errors.ts'

/** What the gRPC library says of a call that failed. */
interface GrpcError {
  readonly code: number
  readonly details: string
}

/** Names of https://grpc.io/docs/guides/status-codes/ that are acted upon. */
export const STATUS = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16
} as const
const REFUSALS: readonly number[] = [
  STATUS.INVALID_ARGUMENT,
  STATUS.NOT_FOUND,
  STATUS.ALREADY_EXISTS,
  STATUS.PERMISSION_DENIED,
  STATUS.FAILED_PRECONDITION
]

export function statusOf(error: unknown): number | undefined {
  return (error as Partial<GrpcError>).code
}

/** To be given to `catch`: absence is no error. */
export function missing(error: unknown): undefined {
  if (statusOf(error) !== STATUS.NOT_FOUND) throw error
}

/**
 * The one place where errors of the filer become ours.
 * @param secrets texts that must not appear in the message, whatever the filer echoes
 */
export function filerError(
  error: unknown,
  address: string,
  step: string,
  budget: Budget,
  secrets: readonly string[] = []
): Error {
  const during = `${step} for profile ${budget.namespace}`
  if (budget.signal.aborted) return new StoreUnavailable(during, 'no answer within the sync budget')
  if (error instanceof NotReady) return new StoreUnavailable(during, error.message)
  const { code, details, message } = error as Partial<GrpcError> & Error
  // Not of a call: a channel that was closed meanwhile, an answer that cannot be read.
  if (code === undefined) return new StoreUnavailable(during, redacted(message, secrets))
  const said = withoutSecrets(String(details), secrets)
  const fault = filerFault({ code, details: said }, address)
  if (fault !== undefined) return new StoreUnavailable(during, fault)
  const Failure = REFUSALS.includes(code) ? StoreRejected : StoreUnavailable
  return new Failure(during, `${redacted(said, [])} (gRPC status ${code})`)
}

/** Why the filer cannot be used, in one sentence that names the setting; undefined when it is something else. */
export function filerFault(error: unknown, address: string): string | undefined {
  const { code, details } = error as GrpcError
  switch (code) {
    case STATUS.UNAUTHENTICATED:
      return `FILER_JWT_SIGNING_KEY: the filer at ${address} refuses its tokens; give the key that the filer has as WEED_JWT_FILER_SIGNING_KEY, or synchronise the clocks, if the one here is more than ${TOKEN_SECONDS} s behind`
    case STATUS.UNIMPLEMENTED:
      return `FILER_GRPC_ADDRESS: what answers at ${address} has no identity service; name the gRPC port of a filer (18888, if nobody changed it) of SeaweedFS 4.25 or newer`
    case STATUS.CANCELLED:
      return `FILER_GRPC_ADDRESS: no answer from ${address} in time; correct the address, or let a NetworkPolicy admit this pod there`
    case STATUS.UNAVAILABLE:
      return connectionFault(details, address)
    default:
      return undefined
  }
}

/** The library keeps the last reason why there is no connection in words only. */
function connectionFault(details: string, address: string): string {
  const host = address.replace(/:\d+$/, '')
  switch (true) {
    case /ENOTFOUND|EAI_AGAIN|Name resolution failed/.test(details):
      return `FILER_GRPC_ADDRESS: the host ${host} cannot be looked up; correct it, with its namespace, as in seaweedfs.kubeflow:18888`
    case /ECONNREFUSED/.test(details):
      return `FILER_GRPC_ADDRESS: nobody listens at ${address}; correct host and port, or start the filer`
    case /certificate|alert|ALTNAME|SELF_SIGNED|UNABLE_TO/i.test(details):
      return `FILER_CA: no TLS with the filer at ${address} (${reasonIn(details)}); give the CA of its certificate, and with FILER_TLS_CERT_FILE and FILER_TLS_KEY_FILE a certificate that it accepts`
    case /WRONG_VERSION_NUMBER|wrong version number|packet length/i.test(details):
      return `FILER_CA: the filer at ${address} does not speak TLS; unset it, or set [grpc.filer] in its security.toml`
    default:
      return `FILER_GRPC_ADDRESS: no answer from ${address} (${reasonIn(details)}); correct host and port, set FILER_CA if it speaks TLS, or look at the filer`
  }
}

function reasonIn(details: string): string {
  const reason = /Last error: (.*?)(?:\. Resolution note: .*)?$/s.exec(details)?.[1] ?? details
  return redacted(reason, []).replace(/[.;]+$/, '')
}
