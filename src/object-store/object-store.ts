import type { ManagedPolicy, PolicyDocument } from '../desired/access-policy.ts'
import type { AccessKey } from '../desired/credentials.ts'
import type { Identity } from '../desired/identity.ts'
import type { LifecycleRule } from '../desired/lifecycle.ts'
import type { ObjectAddress } from '../desired/plan.ts'

/** One hook call's allowance: whose it is, and when it is worth nothing any more. */
export interface Budget {
  readonly namespace: string
  readonly signal: AbortSignal
  /** When the signal comes, in monotonic milliseconds; without it nobody is turned away for lack of time. */
  readonly endsAt?: number
  /** It takes away what a profile had, which goes before what gives. */
  readonly isRemoval?: boolean
}

/** The one policy and the one key that a user must have. */
export interface DesiredIdentity {
  readonly policyName: string
  readonly accessKey: AccessKey
}

/** All identities of the store at one moment. */
export interface Survey {
  readonly identities: ReadonlyMap<string, Identity>
  /** By user and access key id, so that a secret can be compared without being held. */
  readonly secretDigests: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly policies: ReadonlyMap<string, PolicyDocument>
}

/** How far the emptying of a bucket has come. */
export interface Emptying {
  /** Objects, versions and unfinished uploads, in this call. */
  readonly removed: number
  /** Of a bucket that does not exist, too. */
  readonly isEmpty: boolean
}

/** The half of the port that is about users, keys and managed policies. */
export type Identities = Pick<
  ObjectStore,
  | 'ensurePolicy'
  | 'deletePolicy'
  | 'listPolicies'
  | 'readPolicy'
  | 'listUsers'
  | 'readIdentity'
  | 'surveyIdentities'
  | 'ensureIdentity'
  | 'disableAccessKey'
  | 'deleteAccessKey'
  | 'deleteIdentity'
>

/**
 * What the tenant's gateway says to a GET signed with a profile's own key.
 *
 * - `absent`: authenticated and authorised, no such object
 * - `readable`: authenticated and authorised, the object is there
 * - `denied`: authenticated, not authorised; also said of a bucket that does not exist
 * - `no-bucket`: authorised, but the bucket does not exist
 * - `unknown-key`: the key does not exist, is inactive, or has not arrived at the gateway yet
 * - `wrong-secret`: the key exists with another secret
 */
export type ProbeAnswer =
  | 'absent'
  | 'readable'
  | 'denied'
  | 'no-bucket'
  | 'unknown-key'
  | 'wrong-secret'

/**
 * The port: everything this service does to SeaweedFS. One contract suite
 * (test/fixtures/object-store-contract.ts) runs against every implementation, the fake included.
 *
 * Common to all verbs: `ensure…` reads first and writes only what differs; absence is not an error, so
 * reads give undefined and deletes succeed. A write waits its turn in a write queue and fails with
 * BudgetExceeded instead of starting late. A store that says no throws StoreRejected; one that does
 * not answer throws StoreUnavailable. Errors name the step and the profile and hold no secret.
 */
export interface ObjectStore {
  /**
   * Runs work that writes identities, unless by the pace of late it could not end inside its budget behind what
   * is under way: then it throws Busy before anything is done, with the time to come back. What takes away is
   * never turned away.
   */
  admit<T>(budget: Budget, work: () => Promise<T>): Promise<T>

  hasBucket(bucket: string, budget: Budget): Promise<boolean>

  /** Afterwards the bucket exists. A bucket that exists already is left as it is. */
  ensureBucket(bucket: string, budget: Budget): Promise<void>

  /**
   * Afterwards the bucket's policy is `merge(live)`, read back and compared. Compares by meaning, not by
   * byte. A merge result without statements means that there is no policy. Says what stood in the place of
   * what had to be written: the live policy of that moment, or undefined when there was none.
   */
  ensureBucketPolicy(
    bucket: string,
    merge: (live: PolicyDocument | undefined) => PolicyDocument,
    budget: Budget
  ): Promise<'unchanged' | { readonly replaced: PolicyDocument | undefined }>

  /** Afterwards the bucket's lifecycle rules are `merge(live)`; none means no configuration. */
  ensureLifecycle(
    bucket: string,
    merge: (live: readonly LifecycleRule[]) => readonly LifecycleRule[],
    budget: Budget
  ): Promise<void>

  /**
   * Removes what is in the bucket, page by page: objects in all their versions, unfinished uploads, and the
   * folders that the store keeps of them. However short `patienceMs` is, some go; it says how far it came, and
   * called again it goes on. It takes no turn in any write queue, which others need. Throws StoreRejected when the store keeps what is left, under a retention for example.
   */
  emptyBucket(bucket: string, patienceMs: number, budget: Budget): Promise<Emptying>

  /**
   * Afterwards the bucket does not exist. Throws StoreRejected while there is data in it, whatever the store
   * itself would do.
   */
  deleteBucket(bucket: string, budget: Budget): Promise<void>

  /**
   * Afterwards a managed policy with this very content exists, under the name that comes back: the policy's own,
   * or, where the identity API cannot change a policy or gateways may not hear of it, the next of `namesFor` it.
   */
  ensurePolicy(policy: ManagedPolicy, budget: Budget): Promise<string>

  /** Afterwards the managed policy does not exist, unless a user has it: then it is left as it is. */
  deletePolicy(policyName: string, budget: Budget): Promise<'deleted' | 'attached'>

  /** The names of all managed policies, of whomever. */
  listPolicies(budget: Budget): Promise<string[]>

  /** The document of a managed policy, or undefined when there is no such policy. */
  readPolicy(policyName: string, budget: Budget): Promise<PolicyDocument | undefined>

  /** The names of all users, of whomever; one read that costs the more the more there are. */
  listUsers(budget: Budget): Promise<string[]>

  /** The user of whomever, or undefined when there is no such user. */
  readIdentity(user: string, budget: Budget): Promise<Identity | undefined>

  /**
   * All users of the store and all managed policies, in one look; undefined where the identity API has none, and
   * every user must be read.
   */
  surveyIdentities(budget: Budget): Promise<Survey | undefined>

  /**
   * Afterwards the user exists, has this one policy and no other right, and then this very key, active. Its
   * other keys are left alone. The policy must exist. `live` is what readIdentity just said; only what differs
   * is written, limits before the key. A key id that exists with another secret or at another user is
   * not detected here: only a probe tells.
   */
  ensureIdentity(
    user: string,
    desired: DesiredIdentity,
    live: Identity | undefined,
    budget: Budget
  ): Promise<void>

  /** Afterwards the user's key does not work any more, and can be activated again. */
  disableAccessKey(user: string, accessKeyId: string, budget: Budget): Promise<void>

  /** Afterwards the user has no such key. */
  deleteAccessKey(user: string, accessKeyId: string, budget: Budget): Promise<void>

  /**
   * Afterwards the user does not exist, nor its inline policies, which would come back with the name; its keys
   * stop working first. `live` is what readIdentity just said.
   */
  deleteIdentity(user: string, live: Identity, budget: Budget): Promise<void>

  /** One GET of the object, signed with the given key, on the gateway that profiles use. */
  probe(accessKey: AccessKey, object: ObjectAddress, budget: Budget): Promise<ProbeAnswer>

  /**
   * Throws unless the S3 endpoint answers a signed read, and the identity endpoint has once been ready to
   * write; in one sentence that names the setting to change. The
   * version is the S3 endpoint's, such as `4.48`; undefined when it keeps it to itself. `otherWriters` are the
   * addresses where identities can be written past the identity endpoint, as far as they were found.
   */
  checkReadiness(budget: Budget): Promise<{
    readonly storeVersion: string | undefined
    readonly otherWriters: readonly string[]
  }>
}
