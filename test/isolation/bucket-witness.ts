import type { AccessKey } from '../../src/desired/credentials.ts'
import type { Exchange } from '../../src/matrix/exchange.ts'
import { requestFrom } from '../../src/matrix/request.ts'
import type { Witness } from '../../src/matrix/run-attacks.ts'

const DOCUMENTS = [
  ...['policy', 'lifecycle', 'cors', 'versioning', 'acl', 'tagging', 'encryption'],
  ...['ownershipControls', 'requestPayment', 'object-lock', 'publicAccessBlock']
]

/** What else is asked to be deleted, SeaweedFS 4.34 takes for the bucket itself. */
const DELETABLE = new Set(['policy', 'lifecycle', 'cors', 'tagging', 'encryption'])

/** Which buckets there are, and all that is configured about these. */
export function bucketWitness(admin: Exchange, key: AccessKey, buckets: string[]): Witness {
  const send = (line: string, body = '', headers = {}) =>
    admin(requestFrom(line, headers, body), 'header', key)
  let wanted: Map<string, Map<string, string>> | undefined

  /** Bucket -> document -> its text; empty where there is none. */
  async function read(): Promise<Map<string, Map<string, string>>> {
    const listed = await send('GET /')
    const names = [...listed.body.matchAll(/<Name>([^<]+)<\/Name>/g)].map(([, name = '']) => name)
    const all = await Promise.all(
      names.map(async (bucket) => [bucket, await readBucket(bucket)] as const)
    )
    return new Map(all)
  }

  async function readBucket(bucket: string): Promise<Map<string, string>> {
    if (!buckets.includes(bucket)) return new Map()
    const documents = await Promise.all(
      DOCUMENTS.map(async (document) => {
        const { status, body } = await send(`GET /${bucket}?${document}`)
        return [document, status === 200 ? body : ''] as const
      })
    )
    return new Map(documents)
  }

  async function write(bucket: string, document: string, text: string): Promise<void> {
    if (document === 'versioning' && !text.includes('<Status>')) {
      const body = '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>'
      await send(`PUT /${bucket}?versioning`, body)
    } else if (document === 'acl') {
      await send(`PUT /${bucket}?acl`, '', { 'x-amz-acl': 'private' })
    } else if (text === '') {
      if (DELETABLE.has(document)) await send(`DELETE /${bucket}?${document}`)
    } else await send(`PUT /${bucket}?${document}`, text)
  }

  return {
    name: 'the buckets and their configuration',
    async look() {
      const seen = await read()
      wanted ??= seen
      return JSON.stringify([...seen].sort().map(([bucket, documents]) => [bucket, ...documents]))
    },
    async restore() {
      const seen = await read()
      for (const bucket of seen.keys()) {
        if (!wanted?.has(bucket)) await send(`DELETE /${bucket}`)
      }
      for (const [bucket, documents] of wanted ?? []) {
        if (!seen.has(bucket)) await send(`PUT /${bucket}`)
        const live = await readBucket(bucket)
        for (const [document, text] of documents) {
          if (live.get(document) !== text) await write(bucket, document, text)
        }
      }
    }
  }
}
