import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketVersioningCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsOutput,
  paginateListObjectsV2,
  type S3Client
} from '@aws-sdk/client-s3'
import type { Refusal, Removal } from './removal.ts'
import { nameOf } from './store-errors.ts'

/** An object, one of its versions, or a folder. */
interface Entry {
  readonly Key: string
  readonly VersionId?: string | undefined
  /** Stands for an object that was removed from a bucket with versions; holds no data. */
  readonly isDeleteMarker?: boolean
}

interface Upload {
  readonly Key: string
  readonly UploadId: string
}

/** What one request lists and removes: even a slow store is done with it in seconds. */
const PAGE_SIZE = 250
/** S3's own limit. */
const MOST_AT_ONCE = 1000

/** What is in one bucket, as S3 shows it. */
export class BucketContents {
  readonly #client: S3Client
  readonly #bucket: { readonly Bucket: string }
  readonly #options: { readonly abortSignal: AbortSignal }

  constructor(client: S3Client, bucket: string, options: { readonly abortSignal: AbortSignal }) {
    this.#client = client
    this.#bucket = { Bucket: bucket }
    this.#options = options
  }

  /** Delete markers, unfinished uploads and folders are no data. */
  async holdData(): Promise<boolean> {
    for await (const page of this.#objects()) {
      if (page.length > 0) return true
    }
    for await (const page of this.#versions()) {
      if (page.some(({ isDeleteMarker }) => !isDeleteMarker)) return true
    }
    return false
  }

  /** Removes everything page by page: of objects, uploads and folders one each, and more until `isOver`. */
  async remove(isOver: () => boolean): Promise<Removal> {
    const isVersioned = await this.#isVersioned()
    let refusal: Refusal | undefined
    // Without versions this list does, and costs the store a fraction of the other.
    const list = () => (isVersioned ? this.#versions() : this.#objects())
    const entries = await drained(list, idOfEntry, isOver, async (page) => {
      const refusals = await this.#delete(page)
      refusal ??= refusals[0]
      await this.#delete(this.#asFolders(foldersLeftBehind(page), isVersioned))
      return page.length - refusals.length
    })
    const listUploads = () => this.#uploads()
    const uploads = await drained(listUploads, idOfUpload, isOver, async (page) => {
      for (const upload of page) await this.#abort(upload)
      return page.length
    })
    await this.#removeFolders('', isVersioned, isOver)
    const left = entries.left.filter(({ isDeleteMarker }) => !isDeleteMarker)
    return {
      removed: entries.removed + uploads.removed,
      isDone: !isOver() && left.length === 0,
      left: left.map(({ Key }) => Key),
      refusal
    }
  }

  /** Those that are there yet; one with something in it stays. */
  async #removeFolders(prefix: string, isVersioned: boolean, isOver: () => boolean): Promise<void> {
    const list = () => this.#folders(prefix, isVersioned)
    await drained(list, idOfEntry, isOver, async (folders) => {
      await this.#delete(folders)
      for await (const page of list()) {
        for (const folder of page) {
          await this.#removeFolders(folder.Key, isVersioned, isOver)
          await this.#delete([folder])
          if (isOver()) return 0
        }
      }
      return 0
    })
  }

  async #isVersioned(): Promise<boolean> {
    const command = new GetBucketVersioningCommand(this.#bucket)
    const { Status } = await this.#client.send(command, this.#options)
    return Status !== undefined
  }

  async *#objects(): AsyncGenerator<Entry[]> {
    const config = { client: this.#client, pageSize: PAGE_SIZE }
    const input = { ...this.#bucket, EncodingType: 'url' } as const
    for await (const { Contents = [] } of paginateListObjectsV2(config, input, this.#options)) {
      yield Contents.map(({ Key = '' }) => ({ Key: decoded(Key) }))
    }
  }

  async *#versions(): AsyncGenerator<Entry[]> {
    let page: ListObjectVersionsOutput | undefined
    do {
      const command = new ListObjectVersionsCommand({
        ...this.#bucket,
        MaxKeys: PAGE_SIZE,
        KeyMarker: page?.NextKeyMarker,
        VersionIdMarker: page?.NextVersionIdMarker
      })
      page = await this.#client.send(command, this.#options)
      const markers = (page.DeleteMarkers ?? []).map((marker) => ({
        ...marker,
        isDeleteMarker: true
      }))
      const all = [...(page.Versions ?? []), ...markers]
      yield all.map(({ Key = '', ...version }) => ({ ...version, Key }))
    } while (page.IsTruncated)
  }

  /** The first of them; those of a key in another spelling than its own cannot be aborted. */
  async *#uploads(): AsyncGenerator<Upload[]> {
    const command = new ListMultipartUploadsCommand({ ...this.#bucket, MaxUploads: PAGE_SIZE })
    const { Uploads = [] } = await this.#client.send(command, this.#options)
    // Without a key, the abort would be a DeleteBucket: SeaweedFS lists objects below .uploads/ so.
    yield Uploads.flatMap(({ Key, UploadId }) => (Key && UploadId ? [{ Key, UploadId }] : []))
  }

  /** The first of them. */
  async *#folders(Prefix: string, isVersioned: boolean): AsyncGenerator<Entry[]> {
    const what = { Prefix, Delimiter: '/', EncodingType: 'url' } as const
    const command = new ListObjectsV2Command({ ...this.#bucket, ...what })
    const { CommonPrefixes = [] } = await this.#client.send(command, this.#options)
    const folders = CommonPrefixes.map((found) => decoded(String(found.Prefix)))
    yield this.#asFolders(folders, isVersioned)
  }

  /** Where there are versions, the removal of none in particular would only add a marker. */
  #asFolders(folders: readonly string[], isVersioned: boolean): Entry[] {
    return folders.map((Key) => ({ Key, ...(isVersioned && { VersionId: 'null' }) }))
  }

  async #abort({ Key, UploadId }: Upload): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#bucket, Key, UploadId })
    await this.#client.send(command, this.#options).catch((error) => {
      if (nameOf(error) !== 'NoSuchUpload') throw error
    })
  }

  /** XML cannot carry every character that a key may have; a path can. */
  async #delete(entries: readonly Entry[]): Promise<Refusal[]> {
    const isText = ({ Key }: Entry) => !NOT_XML.test(Key)
    for (const { Key, VersionId } of entries.filter((entry) => !isText(entry))) {
      const command = new DeleteObjectCommand({ ...this.#bucket, Key, VersionId })
      await this.#client.send(command, this.#options)
    }
    const Objects = entries.filter(isText).map(({ Key, VersionId }) => ({ Key, VersionId }))
    const refusals: Refusal[] = []
    for (let at = 0; at < Objects.length; at += MOST_AT_ONCE) {
      const Delete = { Quiet: true, Objects: Objects.slice(at, at + MOST_AT_ONCE) }
      const command = new DeleteObjectsCommand({ ...this.#bucket, Delete })
      const { Errors = [] } = await this.#client.send(command, this.#options)
      for (const { Key: key = '', Code: code = '', Message: message = '' } of Errors) {
        refusals.push({ key, code, message })
      }
    }
    return refusals
  }
}

/**
 * Removes what is listed, pass after pass, until one shows nothing that was not tried before: that is left.
 * The list goes on from where it was while things vanish from it, so one pass may miss some.
 */
async function drained<T>(
  list: () => AsyncIterable<readonly T[]>,
  idOf: (item: T) => string,
  isOver: () => boolean,
  remove: (items: readonly T[]) => Promise<number>
): Promise<{ readonly removed: number; readonly left: readonly T[] }> {
  const tried = new Set<string>()
  let removed = 0
  do {
    const left: T[] = []
    const before = tried.size
    for await (const page of list()) {
      const fresh = page.filter((item) => !tried.has(idOf(item)))
      left.push(...page.filter((item) => tried.has(idOf(item))))
      for (const item of fresh) tried.add(idOf(item))
      if (fresh.length > 0) removed += await remove(fresh)
      if (isOver()) break
    }
    if (tried.size === before) return { removed, left }
  } while (!isOver())
  return { removed, left: [] }
}

/**
 * The store keeps the folders of objects that are gone, and every list walks through them; before 4.48 it also
 * takes their bucket for full. Deepest first; the last object's may have more in them.
 */
function foldersLeftBehind(page: readonly Entry[]): string[] {
  const { Key: last } = page.at(-1) as Entry
  const folders = new Set(page.flatMap(({ Key }) => foldersAbove(Key)))
  const left = [...folders].filter((folder) => !last.startsWith(folder))
  return left.sort((a, b) => b.length - a.length)
}

function foldersAbove(key: string): string[] {
  return [...key.matchAll(/\//g)].map(({ index }) => key.slice(0, index + 1))
}

function idOfEntry({ Key, VersionId }: Entry): string {
  return `${VersionId}/${Key}`
}

function idOfUpload({ UploadId }: Upload): string {
  return UploadId
}

/** The characters that XML 1.0 does not know, and those that a parser may turn into others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const NOT_XML = /[\u0000-\u001f\u007f-\u009f\u2028\ud800-\udfff\ufffe\uffff]/u

/** As Go's url.QueryEscape spells it. */
function decoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', '%20'))
}
