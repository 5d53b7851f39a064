import { randomBytes } from 'node:crypto'
import {
  CreateMultipartUploadCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand
} from '@aws-sdk/client-s3'
import { abortUploads, objectsIn, type Place, removeObject } from './places.ts'
import { filledIn, isShared, MARKS, OPEN_AREAS, OWN_PART, type Party, type Scene } from './scene.ts'

/** A scene whose seeds are in the store, and what it takes to look after them. */
export interface Sown {
  readonly scene: Scene
  /** Checksum of their object. */
  readonly etag: string
  /** Everything of theirs below the marks, as text that is equal if and only if nothing changed. */
  look(): Promise<string>
  /** Puts back what was changed or taken. */
  sowAgain(): Promise<void>
  /** A begun upload of the own party; one that ended is begun anew. */
  ensureOwnUpload(): Promise<void>
  /** Removes what a request planted at that path, wherever the store understood it to be. */
  removePlanted(path: string): Promise<void>
  /** Removes everything below the marks. */
  remove(): Promise<void>
}

/** Marks older than this are those of a run that was killed. */
const LEFTOVER_AGE_MS = 60 * 60_000

/**
 * Sows, as the store's admin, what the cases need, below a mark of this run alone.
 * @param everything watches the whole buckets instead of the marks; only where nobody else writes
 */
export async function sow(
  admin: S3Client,
  own: Party,
  their: Party,
  commonBucket: string,
  everything = false
): Promise<Sown> {
  const word = () => randomBytes(8).toString('hex')
  const now = Date.now()
  const mark = `${MARKS}${now}-${word()}/`
  const words = {
    content: `content-${word()}`,
    metadata: `metadata-${word()}`,
    tag: `tag-${word()}`,
    keyName: `hidden-${word()}`
  }
  const uploads = { own: '', their: '' }
  const scene: Scene = { own, their, commonBucket, mark, words, uploads }
  const ownPlace = { bucket: own.bucket, prefix: own.prefix + mark }
  const theirPlace = { bucket: their.bucket, prefix: their.prefix + mark }
  const places: Place[] = [
    theirPlace,
    ...OPEN_AREAS.map((area) => ({ bucket: commonBucket, prefix: filledIn(area, scene) + mark }))
  ]
  const watched = everything
    ? [...new Set([their.bucket, commonBucket])].map((bucket) => ({ bucket, prefix: '' }))
    : places
  let etag = ''

  /** @returns its checksum */
  async function put(
    { bucket, prefix }: Place,
    name: string,
    Body: string,
    more: Pick<PutObjectCommandInput, 'Metadata' | 'Tagging'> = {}
  ): Promise<string> {
    const address = { Bucket: bucket, Key: prefix + name }
    const { ETag = '' } = await admin.send(new PutObjectCommand({ ...address, Body, ...more }))
    return ETag.replaceAll('"', '')
  }

  async function beginUpload({ bucket, prefix }: Place, Body: string): Promise<string> {
    const address = { Bucket: bucket, Key: `${prefix}upload` }
    const { UploadId = '' } = await admin.send(new CreateMultipartUploadCommand(address))
    const part = { ...address, UploadId, PartNumber: 1, Body }
    await admin.send(new UploadPartCommand(part))
    return UploadId
  }

  async function sowTheirs(): Promise<void> {
    const Metadata = { note: words.metadata }
    const Tagging = `note=${words.tag}`
    etag = await put(theirPlace, 'object', words.content, { Metadata, Tagging })
    await put(theirPlace, words.keyName, words.content)
    for (const place of places.slice(1)) await put(place, 'object', words.content)
    uploads.their = await beginUpload(theirPlace, words.content)
  }

  /** What the own cases start from; an attack that succeeds may take it away, too. */
  async function sowOwn(): Promise<void> {
    await put(ownPlace, 'object', 'an own object')
    await ensureOwnUpload()
  }

  async function ensureOwnUpload(): Promise<void> {
    const isOpen = uploads.own !== '' && (await partsOf(ownPlace, uploads.own)) !== 'gone'
    if (!isOpen) uploads.own = await beginUpload(ownPlace, OWN_PART)
  }

  async function partsOf({ bucket, prefix }: Place, UploadId: string): Promise<string> {
    const address = { Bucket: bucket, Key: `${prefix}upload` }
    const command = new ListPartsCommand({ ...address, UploadId })
    const answer = await admin.send(command).catch(() => undefined)
    const parts = answer?.Parts?.map(({ PartNumber, ETag }) => `${PartNumber} ${ETag}`)
    return parts?.join(' ') ?? 'gone'
  }

  /** Where nobody else writes, whole buckets are listed: sync.py's policy denies even the admin a prefix. */
  async function objectsOf(place: Place) {
    if (!everything) return objectsIn(admin, place)
    const all = await objectsIn(admin, { ...place, prefix: '' })
    return all.filter(({ Key = '' }) => Key.startsWith(place.prefix))
  }

  async function look(): Promise<string> {
    const lines: string[] = []
    for (const place of watched) {
      for (const { Key = '', ETag, Size } of await objectsOf(place)) {
        const isOwn = everything && isShared(scene) && Key.startsWith(own.prefix)
        if (!isOwn) lines.push(`${place.bucket} ${Key} ${ETag} ${Size}`)
      }
    }
    lines.push(`parts ${await partsOf(theirPlace, uploads.their)}`)
    const address = { Bucket: their.bucket, Key: `${theirPlace.prefix}object` }
    const tags = await admin.send(new GetObjectTaggingCommand(address)).catch(() => undefined)
    lines.push(`tags ${JSON.stringify(tags?.TagSet)}`)
    const head = await admin.send(new HeadObjectCommand(address)).catch(() => undefined)
    lines.push(`metadata ${JSON.stringify([head?.Metadata, head?.ContentType])}`)
    return lines.join('\n')
  }

  /** Whatever was planted goes first, even where only a success can have put it. */
  async function sowAgain(): Promise<void> {
    const before = new Set(places.map(({ prefix }) => prefix))
    for (const place of watched) {
      for (const { Key = '' } of await objectsOf(place)) {
        const isOurs = Key.includes(mark) || [...before].some((prefix) => Key.startsWith(prefix))
        const isOwn = isShared(scene) && Key.startsWith(own.prefix)
        if (isOurs && !isOwn) await removeObject(admin, place.bucket, Key)
      }
    }
    await abortUploads(admin, theirPlace)
    await sowTheirs()
    await sowOwn()
  }

  async function removePlanted(path: string): Promise<void> {
    const [, bucket = '', key = ''] = /^\/([^/]+)\/(.+)$/s.exec(decodeURIComponent(path)) ?? []
    if (!key.includes(mark)) return
    await removeObject(admin, bucket, key).catch(() => {})
  }

  /** What a killed run left behind is nobody's any more. */
  async function removeLeftovers(): Promise<void> {
    for (const { bucket, prefix } of [ownPlace, ...places]) {
      const marks = prefix.slice(0, -mark.length) + MARKS
      await clear({ bucket, prefix: marks }, (key) => {
        const startedAt = Number.parseInt(key.slice(marks.length), 10)
        return startedAt < now - LEFTOVER_AGE_MS
      })
    }
  }

  async function clear(place: Place, isMeant: (key: string) => boolean = () => true) {
    await abortUploads(admin, place, isMeant)
    for (const { Key = '' } of await objectsOf(place)) {
      if (isMeant(Key)) await removeObject(admin, place.bucket, Key)
    }
  }

  /** As much as there is to remove, even where one of the places cannot be cleared. */
  async function remove(): Promise<void> {
    const ends = await Promise.allSettled([ownPlace, ...places].map((place) => clear(place)))
    const failed = ends.find(({ status }) => status === 'rejected')
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
  }

  try {
    await removeLeftovers()
    await sowTheirs()
    await sowOwn()
  } catch (error) {
    await remove().catch(() => {})
    throw error
  }
  return {
    scene,
    get etag() {
      return etag
    },
    look,
    sowAgain,
    ensureOwnUpload,
    removePlanted,
    remove
  }
}
