import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client
} from '@aws-sdk/client-s3'

/** Where something of this run lies or may come to lie. */
export interface Place {
  readonly bucket: string
  readonly prefix: string
}

export async function objectsIn(admin: S3Client, { bucket, prefix }: Place) {
  const objects = []
  let ContinuationToken: string | undefined
  do {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken })
    const page = await admin.send(command)
    objects.push(...(page.Contents ?? []))
    ContinuationToken = page.NextContinuationToken
  } while (ContinuationToken !== undefined)
  return objects
}

export async function removeObject(admin: S3Client, Bucket: string, Key: string): Promise<void> {
  await admin.send(new DeleteObjectCommand({ Bucket, Key }))
}

export async function abortUploads(
  admin: S3Client,
  { bucket, prefix }: Place,
  isMeant: (key: string) => boolean = () => true
): Promise<void> {
  for (const { Key = '', UploadId } of await uploadsIn(admin, bucket)) {
    if (!Key.startsWith(prefix) || !isMeant(Key)) continue
    const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId })
    await admin.send(command).catch(() => {})
  }
}

/** Not by prefix: SeaweedFS before 4.48 takes that for an attack by the admin too. */
async function uploadsIn(admin: S3Client, Bucket: string) {
  const uploads = []
  let UploadIdMarker: string | undefined
  do {
    // By the upload alone: SeaweedFS sorts by its id, and names no key to go on from.
    const page = await admin.send(new ListMultipartUploadsCommand({ Bucket, UploadIdMarker }))
    uploads.push(...(page.Uploads ?? []))
    UploadIdMarker = page.IsTruncated ? page.NextUploadIdMarker : undefined
  } while (UploadIdMarker !== undefined)
  return uploads
}
