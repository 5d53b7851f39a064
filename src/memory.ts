import { type AnswerAtRest, Answers } from './answers.ts'
import type { ManagedPolicy } from './desired/access-policy.ts'

/** Metacontroller calls finalize again within seconds; a later call is another story. */
const DEPARTURE_MEMORY_MS = 10 * 60_000

/**
 * What this process remembers between hook calls. All of it may be lost at any time: that costs some
 * store reads or one more finalize pass, never a wrong answer.
 */
export class Memory {
  readonly #verifyIntervalMs: number
  readonly #clock: () => number
  readonly #proofs = new Map<string, Proof>()
  readonly #buckets = new Map<string, number>()
  readonly #policies = new Map<string, { readonly name: string; readonly at: number }>()
  readonly #departures = new Map<string, Departure>()
  readonly #claims = new Map<string, ManagedPolicy>()
  readonly #suspects = new Set<string>()
  readonly #unseenSecrets = new Map<string, number>()
  readonly #answers = new Answers()

  /** @param clock monotonic milliseconds */
  constructor(verifyIntervalMs: number, clock: () => number) {
    this.#verifyIntervalMs = verifyIntervalMs
    this.#clock = clock
  }

  /**
   * Whether the pair in this very Secret object was proven lately. A proof made before the Secret existed
   * goes to the first one seen with the pair; a Secret made later, after an opt-out say, has another uid.
   */
  isProven(user: string, accessKeyId: string, secretUid: string | undefined): boolean {
    const proof = this.#proofs.get(user)
    if (proof?.accessKeyId !== accessKeyId || !this.#isFresh(proof.at)) return false
    proof.secretUid ??= secretUid
    return proof.secretUid === secretUid
  }

  /** Whether another key of the user was proven, however long ago. */
  hasProofOfOther(user: string, accessKeyId: string): boolean {
    const proof = this.#proofs.get(user)
    return proof !== undefined && proof.accessKeyId !== accessKeyId
  }

  /** Whether a key of the user was proven lately; whoever has none in the cluster yet will be given this one. */
  hasFreshProof(user: string): boolean {
    const proof = this.#proofs.get(user)
    return proof !== undefined && this.#isFresh(proof.at)
  }

  rememberProof(user: string, accessKeyId: string, secretUid: string | undefined): void {
    this.#proofs.set(user, { accessKeyId, secretUid, at: this.#clock() })
    this.#departures.delete(user)
  }

  /** Of a profile at rest; kept only while its proof counts. */
  rememberAnswer(question: string, answer: AnswerAtRest): void {
    this.#answers.dropWhile(({ user }) => !this.hasFreshProof(user))
    if (this.#countsFor(answer)) this.#answers.keep(question, answer)
  }

  /** The answer to the same question before, as long as the proof behind it counts; undefined when it must be found anew. */
  answerTo(question: string): AnswerAtRest | undefined {
    const answer = this.#answers.to(question)
    if (answer === undefined || this.isSuspect(answer.user) || !this.#countsFor(answer)) {
      return undefined
    }
    // The question shows the Secret.
    this.forgetUnseen(answer.user)
    return answer
  }

  /** A profile that lives goes by this user, and this is what it may do. */
  claim(user: string, policy: ManagedPolicy): void {
    this.#claims.set(user, policy)
  }

  /** The policy that the user must have; undefined when no profile asked for it since this process began. */
  policyClaimed(user: string): ManagedPolicy | undefined {
    return this.#claims.get(user)
  }

  /** The user is not as it should be: its next sync must look at all of it, however well its key works. */
  suspect(user: string): void {
    this.#suspects.add(user)
  }

  isSuspect(user: string): boolean {
    return this.#suspects.has(user)
  }

  clearSuspicion(user: string): void {
    this.#suspects.delete(user)
  }

  /** For how many milliseconds a Secret was answered for this user and not seen in the cluster. */
  unseenMs(user: string): number {
    const now = this.#clock()
    const since = this.#unseenSecrets.get(user) ?? now
    this.#unseenSecrets.set(user, since)
    return now - since
  }

  /** The Secret is there, or it has been said that it is not. */
  forgetUnseen(user: string): void {
    this.#unseenSecrets.delete(user)
  }

  isBucketVerified(bucket: string): boolean {
    const at = this.#buckets.get(bucket)
    return at !== undefined && this.#isFresh(at)
  }

  /** Whether this process has ever seen the bucket as it should be, however long ago. */
  wasBucketVerified(bucket: string): boolean {
    return this.#buckets.has(bucket)
  }

  rememberBucket(bucket: string): void {
    this.#buckets.set(bucket, this.#clock())
  }

  /** The name in the store of a policy of everybody's that lately had its content; undefined when it must be looked at. */
  policyVerified(policyName: string): string | undefined {
    const policy = this.#policies.get(policyName)
    return policy !== undefined && this.#isFresh(policy.at) ? policy.name : undefined
  }

  rememberPolicy(policyName: string, name: string): void {
    this.#policies.set(policyName, { name, at: this.#clock() })
  }

  /** A finalize is about to take the profile's storage away. */
  forget(user: string, ownBucket: string): void {
    this.#proofs.delete(user)
    this.#buckets.delete(ownBucket)
    this.#claims.delete(user)
    this.#suspects.delete(user)
    this.#unseenSecrets.delete(user)
    this.#answers.forget(user)
  }

  /**
   * For how many milliseconds finalize has found nothing of this user, call after call. The count starts
   * anew when something was found, when it is another going, after a long silence, and after a restart of the
   * process. Another going, because a sync in between may still be writing, and in another replica.
   */
  quietMs(user: string, going: string | undefined, foundSomething: boolean): number {
    const now = this.#clock()
    for (const [other, { seenAt }] of this.#departures) {
      if (now - seenAt > DEPARTURE_MEMORY_MS) this.#departures.delete(other)
    }
    const departure = this.#departures.get(user)
    const goesOn = !foundSomething && departure !== undefined && departure.going === going
    const quietSince = goesOn ? departure.quietSince : now
    this.#departures.set(user, { going, quietSince, seenAt: now })
    return now - quietSince
  }

  /** The next finalize of this user is another story, even if it comes a second later. */
  forgetDeparture(user: string): void {
    this.#departures.delete(user)
  }

  #countsFor({ user, accessKeyId, secretUid }: AnswerAtRest): boolean {
    return this.isProven(user, accessKeyId, secretUid)
  }

  #isFresh(at: number): boolean {
    return this.#clock() - at < this.#verifyIntervalMs
  }
}

interface Departure {
  readonly going: string | undefined
  readonly quietSince: number
  readonly seenAt: number
}

interface Proof {
  readonly accessKeyId: string
  secretUid: string | undefined
  readonly at: number
}
