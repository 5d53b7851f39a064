import { randomBytes, randomInt } from 'node:crypto'
import type { ApiAnswer, KubernetesAnswer, KubernetesApi } from './kubernetes-api.ts'

/** A Secret that the installation needs, and how each of its keys is drawn. */
interface NeededSecret {
  readonly name: string
  readonly keys: Readonly<Record<string, () => string>>
}

export interface InitOutcome {
  readonly name: string
  readonly result: 'created' | 'was there' | 'failed'
  /** Sentences that somebody must read. */
  readonly warnings: readonly string[]
}

const hex = () => randomBytes(32).toString('hex')

/** The names and keys that our manifests read; the first is KFP's own. */
export const NEEDED_SECRETS: readonly NeededSecret[] = [
  {
    name: 'mlpipeline-minio-artifact',
    keys: { accesskey: () => letters(20), secretkey: () => randomBytes(30).toString('hex') }
  },
  { name: 's3-profile-root-key', keys: { 'root-key': hex } },
  { name: 's3-profile-hook-token-v1', keys: { token: hex } },
  { name: 'seaweedfs-jwt-keys', keys: { 'filer-signing-key': hex, 'filer-signing-read-key': hex } }
]

/** From MinIO's documentation, and so in every installation of KFP that nobody changed. */
export const WELL_KNOWN_SECRET = 'minio123'

/**
 * No object has it, so that the API server refuses to apply to one that is there, and applies to none. Unlike a
 * look before, it cannot be too late.
 */
const NEVER_A_VERSION = '1'

/** Creates each Secret that is not there, whole and at once; changes none that is. */
export async function* initSecrets(api: KubernetesApi): AsyncGenerator<InitOutcome> {
  for (const secret of NEEDED_SECRETS) yield await initSecret(secret, api)
}

async function initSecret(secret: NeededSecret, api: KubernetesApi): Promise<InitOutcome> {
  const { name, keys } = secret
  const path = `/api/v1/namespaces/${api.namespace}/secrets/${name}`
  const found = await api.send('GET', path)
  if (found.status === 200) return outcomeOf(secret, found.body)
  if (found.status !== 404) return refused('read', name, found)

  const drawn = Object.entries(keys).map(([key, draw]) => [key, base64(draw())])
  const created = await api.send('PATCH', `${path}?fieldManager=init-secrets`, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, resourceVersion: NEVER_A_VERSION },
    type: 'Opaque',
    data: Object.fromEntries(drawn)
  })
  if (created.status === 201) return { name, result: 'created', warnings: [] }
  // Somebody else was quicker, another run of this for instance.
  const theirs = created.status === 409 ? await api.send('GET', path) : created
  return theirs.status === 200 ? outcomeOf(secret, theirs.body) : refused('create', name, theirs)
}

function outcomeOf({ name, keys }: NeededSecret, { data = {} }: KubernetesAnswer): InitOutcome {
  const missing = Object.keys(keys).filter((key) => !data[key])
  if (missing.length > 0) {
    const warning = `Secret ${name} is there and has no ${missing.join(' and no ')}; add what is missing, or delete the Secret if nothing uses it, and run this again`
    return { name, result: 'failed', warnings: [warning] }
  }
  const isWellKnown = data['secretkey'] === base64(WELL_KNOWN_SECRET)
  const warning = `Secret ${name} holds the password that everybody knows (${WELL_KNOWN_SECRET}): whoever reaches the store is its admin; change it as kustomize/components/init-secrets/README.md says`
  return { name, result: 'was there', warnings: isWellKnown ? [warning] : [] }
}

/** The API server's own sentence says who may not do what; it holds no data. */
function refused(what: string, name: string, { status, body }: ApiAnswer): InitOutcome {
  const warning = `The API server refuses to ${what} Secret ${name} (HTTP ${status}): ${body.message}`
  return { name, result: 'failed', warnings: [warning] }
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64')
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function letters(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}
