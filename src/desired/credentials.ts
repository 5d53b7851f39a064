import { createHash, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

/** A pair as S3 clients use it. */
export interface AccessKey {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** `settled` once the current key is the only one of its user. */
export type CredentialsState = 'settling' | 'settled'

export interface RootKeys {
  readonly rootKey: Buffer
  /** The one before, while its keys still have their grace. */
  readonly previousRootKey: Buffer | undefined
}

/** Where a key of ours stands among all of ours. */
export interface Standing {
  readonly epoch: number
  /** By root key first, because a new one replaces whatever was issued under the one before, then by epoch. */
  readonly rank: number
}

/** Above every epoch: seven characters of five bits. */
const CURRENT_ROOT_RANK = 2 ** 35
const KEY_ID_PREFIX = 'KFP'
const EPOCH_CHARACTERS = 7
const MAC_CHARACTERS = 10
const SECRET_CHARACTERS = 40
const SEAL_CHARACTERS = 20
const BITS_PER_CHARACTER = 5
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * The one access key of a user at an epoch. Derived, never drawn: a lost call repeated gives the same
 * key, replicas agree without talking, and whoever holds the root key can tell ours from all others.
 *
 * @param epoch seconds since 1970, 0 before any rotation
 */
export function accessKeyFor(rootKey: Buffer, user: string, epoch: number): AccessKey {
  return {
    accessKeyId: accessKeyIdFor(rootKey, user, epoch),
    secretAccessKey: secretFor(rootKey, user, epoch)
  }
}

/** The epoch that an access key id of this user carries, or undefined when the id is not ours. */
export function epochOf(rootKey: Buffer, user: string, accessKeyId: string): number | undefined {
  const epochText = accessKeyId.slice(KEY_ID_PREFIX.length, KEY_ID_PREFIX.length + EPOCH_CHARACTERS)
  const epoch = fromBase32(epochText)
  if (epoch === undefined) return undefined
  return isSameText(accessKeyId, accessKeyIdFor(rootKey, user, epoch)) ? epoch : undefined
}

/** The epoch of a pair of this user, or undefined when id or secret is not ours. */
export function epochOfPair(rootKey: Buffer, user: string, pair: AccessKey): number | undefined {
  const epoch = epochOf(rootKey, user, pair.accessKeyId)
  if (epoch === undefined) return undefined
  const { secretAccessKey } = accessKeyFor(rootKey, user, epoch)
  return isSameText(pair.secretAccessKey, secretAccessKey) ? epoch : undefined
}

/**
 * Says that this key was proven under this policy, and whether it is the only key of its user. Without the
 * root key nobody can make it, so a profile cannot pass for one that has moved to a newer policy, nor keep an
 * older key by calling itself settled.
 */
export function sealFor(
  rootKey: Buffer,
  accessKeyId: string,
  policyName: string,
  state: CredentialsState
): string {
  const ending = state === 'settled' ? '/settled' : ''
  return derive(rootKey, `seal/${accessKeyId}/${policyName}${ending}`, SEAL_CHARACTERS)
}

/** Where a key stands among all keys of ours; undefined when it is not one of them. */
export function standingOf(
  { rootKey, previousRootKey }: RootKeys,
  user: string,
  accessKeyId: string
): Standing | undefined {
  const epoch = epochOf(rootKey, user, accessKeyId)
  if (epoch !== undefined) return { epoch, rank: epoch + CURRENT_ROOT_RANK }
  const previous = previousRootKey && epochOf(previousRootKey, user, accessKeyId)
  return previous === undefined ? undefined : { epoch: previous, rank: previous }
}

/** What a secret can be compared by without being held. */
export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64')
}

/** The digest of the secret that a key of ours must have. */
export function secretDigestOf(
  { rootKey, previousRootKey = rootKey }: RootKeys,
  user: string,
  { epoch, rank }: Standing
): string {
  const issuedBy = rank === epoch ? previousRootKey : rootKey
  return digestOf(secretFor(issuedBy, user, epoch))
}

/**
 * The maximum of what is asked and of every authenticated epoch, so that nothing goes backwards when
 * an annotation is dropped, a setting changes or a clock jumps.
 */
export function epochInForce(asked: number, seen: readonly (number | undefined)[]): number {
  return Math.max(asked, ...seen.filter((epoch) => epoch !== undefined))
}

function accessKeyIdFor(rootKey: Buffer, user: string, epoch: number): string {
  const mac = derive(rootKey, `access-key-id/${user}/${epoch}`, MAC_CHARACTERS)
  return KEY_ID_PREFIX + toBase32(epoch, EPOCH_CHARACTERS) + mac
}

function secretFor(rootKey: Buffer, user: string, epoch: number): string {
  return derive(rootKey, `secret-access-key/${user}/${epoch}`, SECRET_CHARACTERS)
}

/**
 * What was derived before, by root key: a profile at rest asks for the same texts at every sync, and the six
 * derivations were most of what it cost. Holds nothing that the root key does not give away.
 */
const derived = new WeakMap<
  Buffer,
  { readonly key: KeyObject; readonly texts: Map<string, string> }
>()
/** Of some ten thousand profiles. A tenant may name any epoch in its Secret, and so many more. */
const MAX_DERIVED = 40_000

function derive(rootKey: Buffer, info: string, characters: number): string {
  const known = derived.get(rootKey) ?? { key: createSecretKey(rootKey), texts: new Map() }
  derived.set(rootKey, known)
  const { key, texts } = known
  const before = texts.get(info)
  if (before !== undefined) return before
  if (texts.size >= MAX_DERIVED) texts.clear()
  const text = derivedAnew(key, info, characters)
  texts.set(info, text)
  return text
}

/** HKDF-SHA256 with the purpose as `info`; five bits of output a character. */
function derivedAnew(rootKey: KeyObject, info: string, characters: number): string {
  const bytes = Buffer.from(hkdfSync('sha256', rootKey, '', `s3-profile-controller/${info}`, 32))
  return Array.from({ length: characters }, (_, index) => {
    const start = index * BITS_PER_CHARACTER
    // Two bytes hold any five bits in a row.
    const pair = bytes.readUInt16BE(start >> 3)
    return ALPHABET.charAt((pair >> (16 - BITS_PER_CHARACTER - (start & 7))) & 31)
  }).join('')
}

function toBase32(value: number, characters: number): string {
  return value
    .toString(32)
    .padStart(characters, '0')
    .replace(/./g, (digit) => ALPHABET.charAt(Number.parseInt(digit, 32)))
}

function fromBase32(text: string): number | undefined {
  if (!/^[A-Z2-7]{7}$/.test(text)) return undefined
  return [...text].reduce((value, character) => value * 32 + ALPHABET.indexOf(character), 0)
}

function isSameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
