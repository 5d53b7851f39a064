import { digestOf } from '../desired/credentials.ts'
import type { Identity } from '../desired/identity.ts'
import { inlinePoliciesFrom } from '../desired/takeover.ts'

/** A field of a protobuf message: its number, what it holds, and all of its bytes as they came. */
interface Field {
  readonly number: number
  readonly value: Buffer
  readonly bytes: Buffer
}

/** Numbers of the fields in weed/pb/iam.proto. */
const NAME = 1
const CREDENTIALS = 2
const ACTIONS = 3
const DISABLED = 5
const SERVICE_ACCOUNT_IDS = 6
const POLICY_NAMES = 7
const ACCESS_KEY = 1
const SECRET_KEY = 2
const STATUS = 3

const VARINT = 0
const LENGTH_DELIMITED = 2
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 8, 5: 4 }

/** An identity as the filer keeps it, in the bytes it came in; what is not changed goes back as it came. */
export class StoredIdentity {
  readonly bytes: Buffer
  readonly #fields: readonly Field[]

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.#fields = fieldsOf(bytes)
  }

  get name(): string {
    return textOf(this.#fields, NAME)
  }

  get policyNames(): string[] {
    return textsOf(this.#fields, POLICY_NAMES)
  }

  get serviceAccountIds(): string[] {
    return textsOf(this.#fields, SERVICE_ACCOUNT_IDS)
  }

  /** @param groups that name the user */
  toIdentity(groups: readonly string[]): Identity {
    const isDisabled = this.#fields.some(
      ({ number, value }) => number === DISABLED && value.some((byte) => byte !== 0)
    )
    const keys = this.#fields.filter(({ number }) => number === CREDENTIALS)
    const accessKeys = keys.map(({ value }) => {
      const key = fieldsOf(value)
      const isActive = !isDisabled && textOf(key, STATUS) !== 'Inactive'
      return { accessKeyId: textOf(key, ACCESS_KEY), isActive }
    })
    const inlinePolicies = inlinePoliciesFrom(this.name, textsOf(this.#fields, ACTIONS))
    return { policies: this.policyNames, accessKeys, inlinePolicies, groups }
  }

  /** Of each key, by its id: enough to compare a secret, and nothing to leak. */
  secretDigests(): ReadonlyMap<string, string> {
    const keys = this.#fields.filter(({ number }) => number === CREDENTIALS)
    return new Map(
      keys.map(({ value }) => {
        const key = fieldsOf(value)
        return [textOf(key, ACCESS_KEY), digestOf(textOf(key, SECRET_KEY))]
      })
    )
  }

  /** The same with this policy and no other right. */
  withPolicyAlone(policyName: string): StoredIdentity {
    const kept = this.#fields.filter(({ number }) => number !== POLICY_NAMES && number !== ACTIONS)
    return fromParts([...kept.map(({ bytes }) => bytes), textField(POLICY_NAMES, policyName)])
  }

  /** The same with this key active, and so the user as well. */
  withActiveKey(accessKeyId: string): StoredIdentity {
    const enabled = this.#fields.filter(({ number }) => number !== DISABLED)
    return fromParts(enabled.map((field) => withStatus(field, accessKeyId, 'Active')))
  }

  withInactiveKey(accessKeyId: string): StoredIdentity {
    return fromParts(this.#fields.map((field) => withStatus(field, accessKeyId, 'Inactive')))
  }
}

function withStatus({ number, value, bytes }: Field, accessKeyId: string, status: string): Buffer {
  if (number !== CREDENTIALS) return bytes
  const key = fieldsOf(value)
  if (textOf(key, ACCESS_KEY) !== accessKeyId) return bytes
  const kept = key.filter((field) => field.number !== STATUS).map((field) => field.bytes)
  return field(CREDENTIALS, Buffer.concat([...kept, textField(STATUS, status)]))
}

function fromParts(parts: readonly Buffer[]): StoredIdentity {
  return new StoredIdentity(Buffer.concat(parts))
}

function textOf(fields: readonly Field[], wanted: number): string {
  return textsOf(fields, wanted).at(-1) ?? ''
}

function textsOf(fields: readonly Field[], wanted: number): string[] {
  return fields.filter(({ number }) => number === wanted).map(({ value }) => value.toString())
}

function textField(number: number, text: string): Buffer {
  return field(number, Buffer.from(text))
}

function field(number: number, value: Buffer): Buffer {
  const head = [...varint(number * 8 + LENGTH_DELIMITED), ...varint(value.length)]
  return Buffer.concat([Buffer.from(head), value])
}

/** @see https://protobuf.dev/programming-guides/encoding/ */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = []
  for (let at = 0; at < message.length; ) {
    const [tag, afterTag] = readVarint(message, at)
    const kind = tag % 8
    let [start, end] = [afterTag, afterTag + (FIXED_BYTES[kind] ?? 0)]
    if (kind === VARINT) end = readVarint(message, afterTag)[1]
    if (kind === LENGTH_DELIMITED) {
      const [length, afterLength] = readVarint(message, afterTag)
      ;[start, end] = [afterLength, afterLength + length]
    }
    const number = Math.floor(tag / 8)
    fields.push({ number, value: message.subarray(start, end), bytes: message.subarray(at, end) })
    at = end
  }
  return fields
}

function readVarint(message: Buffer, start: number): [value: number, end: number] {
  let value = 0
  let end = start
  let byte: number
  do {
    byte = message.readUInt8(end)
    value += (byte % 128) * 128 ** (end - start)
    end += 1
  } while (byte >= 128)
  return [value, end]
}

function varint(value: number): number[] {
  if (value < 128) return [value]
  return [(value % 128) + 128, ...varint(Math.floor(value / 128))]
}
