import { ListObjectsV2Command, paginateListBuckets, type S3Client } from '@aws-sdk/client-s3'
import type { Budget } from '../object-store/object-store.ts'
import { nameOf, storeError } from '../object-store/store-errors.ts'

/** A bucket of whomever. */
export interface ListedBucket {
  readonly name: string
  /** Seconds since 1970; undefined when the store does not say. */
  readonly createdAt: number | undefined
}

/** All buckets of the store, with their age. */
export async function listBuckets(admin: S3Client, budget: Budget): Promise<ListedBucket[]> {
  const listed: ListedBucket[] = []
  try {
    const options = { abortSignal: budget.signal }
    for await (const { Buckets = [] } of paginateListBuckets({ client: admin }, {}, options)) {
      for (const { Name: name = '', CreationDate } of Buckets) {
        const createdAt = CreationDate && Math.floor(CreationDate.getTime() / 1000)
        listed.push({ name, createdAt })
      }
    }
  } catch (error) {
    throw storeError(error, 'listing the buckets', budget)
  }
  return listed
}

/** What a look at the first page of a bucket tells. */
export interface Contents {
  readonly isEmpty: boolean
  /** For people: `3 objects, 1.2 MB, newest 2026-01-31T12:00:00.000Z`. */
  readonly contents: string
}

/** One request, however much there is; a bucket that went meanwhile is empty. */
export async function contentsOf(
  admin: S3Client,
  bucket: string,
  budget: Budget
): Promise<Contents> {
  const command = new ListObjectsV2Command({ Bucket: bucket })
  const page = await admin.send(command, { abortSignal: budget.signal }).catch((error: unknown) => {
    if (nameOf(error) === 'NoSuchBucket') return undefined
    throw storeError(error, `looking into bucket ${bucket}`, budget)
  })
  const objects = page?.Contents ?? []
  if (objects.length === 0) return { isEmpty: true, contents: 'no objects' }
  const bytes = objects.reduce((sum, { Size = 0 }) => sum + Size, 0)
  const count = `${objects.length} ${objects.length === 1 ? 'object' : 'objects'}`
  if (page?.IsTruncated) {
    return { isEmpty: false, contents: `more than ${count}, more than ${sizeText(bytes)}` }
  }
  const times = objects.map(({ LastModified }) => Number(LastModified ?? 0))
  const newest = new Date(Math.max(...times)).toISOString()
  return { isEmpty: false, contents: `${count}, ${sizeText(bytes)}, newest ${newest}` }
}

const UNITS = ['kB', 'MB', 'GB', 'TB']

function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  const power = Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length)
  return `${(bytes / 1000 ** power).toFixed(1)} ${UNITS[power - 1]}`
}
