import { createHash } from 'node:crypto'
import type { AccessKey } from '../desired/credentials.ts'

/** A profile in a case of the matrix: the one that asks (`own`) or the one that is attacked (`their`). */
export interface Party {
  readonly namespace: string
  readonly user: string
  readonly accessKey: AccessKey
  readonly bucket: string
  /** What all its keys start with, `private-artifacts/<namespace>/`. */
  readonly prefix: string
}

/** What may change from case to case: a seed that was damaged is sown anew. */
export interface Uploads {
  own: string
  their: string
}

/** The one part of the own upload; of their upload it is their content. */
export const OWN_PART = 'an own part'

/** Two profiles and what was sown for them, all of it below marks that nobody else uses. */
export interface Scene {
  readonly own: Party
  readonly their: Party
  /** KFP's own bucket: in the shared layout the bucket of both. */
  readonly commonBucket: string
  /** The folder, below a prefix, that holds everything of this run; ends with a slash. */
  readonly mark: string
  /** Words that stand in what is theirs and nowhere else; whoever answers one of them leaks it. */
  readonly words: {
    readonly content: string
    readonly metadata: string
    readonly tag: string
    readonly keyName: string
  }
  readonly uploads: Uploads
}

/** The folder of all marks; a dot cannot start a namespace's name. */
export const MARKS = '.s3-profile-controller/verify/'

/** Folders of the common bucket that sync.py opened to every profile; nothing of ours opens them. */
export const OPEN_AREAS = [
  'artifacts/',
  'shared/',
  'private/{their.namespace}/',
  'private-artifacts/'
]

/** Whether own and their data share a bucket. */
export function isShared({ own, their }: Scene): boolean {
  return own.bucket === their.bucket
}

/**
 * Fills in `{own.bucket}`, `{their.mark}` and the like: bucket, namespace, user, keyId, prefix, mark (the
 * run's folder below the prefix), upload and part (the checksum of its only one) of either party, `{common}`
 * for the common bucket, `{mark}`.
 * @throws Error on a name that does not exist, so that a misspelt case cannot pass as a refusal
 */
export function filledIn(text: string, scene: Scene): string {
  return text.replaceAll(
    /(?<!\$)\{([a-z]+)(?:\.([a-zA-Z]+))?\}/g,
    (whole, who: string, what?: string) => {
      const values = what === undefined ? common(scene) : valuesOf(scene, who)
      const value = values[what ?? who]
      if (value === undefined) throw new Error(`No such name in the scene: ${whole}`)
      return value
    }
  )
}

function common({ commonBucket, mark }: Scene): Record<string, string> {
  return { common: commonBucket, mark }
}

function valuesOf(scene: Scene, who: string): Record<string, string> {
  if (who !== 'own' && who !== 'their') return {}
  const { namespace, user, accessKey, bucket, prefix } = scene[who]
  return {
    namespace,
    user,
    bucket,
    prefix,
    keyId: accessKey.accessKeyId,
    mark: prefix + scene.mark,
    upload: scene.uploads[who],
    part: md5(who === 'own' ? OWN_PART : scene.words.content)
  }
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}
