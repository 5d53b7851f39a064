import createError from '@fastify/error'

/**
 * Every error this service answers with, sorted by who must act. Error bodies become Kubernetes
 * Events, so a message is one sentence that says what was being done to which profile, and never
 * holds a secret.
 */

/** The profile's owner must act: the parent can never be given storage as it is. */
export const InvalidProfile = createError<[reason: string]>('S3P_INVALID_PROFILE', '%s', 422)

/** The profile's owner must act: somebody else's object stands where the Secret belongs. */
export const SecretTaken = createError<[secret: string, profile: string]>(
  'S3P_SECRET_TAKEN',
  'Secret %s was answered for profile %s and is still not there: an object of that name that is not ours, another controller’s for instance, stands in its place; delete it, and it comes',
  409
)

/** The operator must act: the caller does not hold a hook token. */
export const Unauthorized = createError(
  'S3P_UNAUTHORIZED',
  'The Authorization header must carry one of the tokens in HOOK_TOKEN as a bearer token',
  401
)

/** The operator must act, or wait: nothing can be done with the store as it is, or with these settings. */
export const NotReady = createError<[fault: string]>('S3P_NOT_READY', '%s', 503)

/** The operator must act: the store answered and said no. */
export const StoreRejected = createError<[step: string, reason: string]>(
  'S3P_STORE_REJECTED',
  'Object store refused %s: %s',
  502
)

/** The operator must act: the store does not keep profiles apart as the plan demands. */
export const NotIsolated = createError<[step: string, reason: string]>(
  'S3P_NOT_ISOLATED',
  'No credentials were handed out because isolation is not proven while %s: %s',
  502
)

/** Nobody must act: Metacontroller retries. */
export const StoreUnavailable = createError<[step: string, reason: string]>(
  'S3P_STORE_UNAVAILABLE',
  'Object store unavailable while %s: %s',
  503
)

/** Nobody must act: Metacontroller retries, and what was done so far is kept. */
export const BudgetExceeded = createError<[step: string]>(
  'S3P_BUDGET_EXCEEDED',
  'The sync budget ran out before %s',
  503
)

const TurnedAway = createError<[profile: string, seconds: number]>(
  'S3P_BUSY',
  'The object store is busy with other profiles, and profile %s has its turn in about %s s',
  429
)

/** Nobody must act: Metacontroller comes back when it is told to, and nothing was begun. */
export class Busy extends TurnedAway {
  readonly retryAfterSeconds: number

  constructor(profile: string, retryAfterSeconds: number) {
    super(profile, retryAfterSeconds)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** We must act: a bug. The log line with the same request id has the stack. */
export const Unexpected = createError<[what: string]>(
  'S3P_UNEXPECTED',
  'Unexpected failure during %s; the log has the details',
  500
)

/** The operator must act: a command has nothing to work with. Ends the process with exit code 2. */
export class CommandFailed extends Error {}
