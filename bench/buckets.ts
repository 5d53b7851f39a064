import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { parseAllDocuments } from 'yaml'
import type { Results, Row } from './results.ts'
import { type Store, startStore } from './store.ts'

const BUCKETS = 2_000
/** As many as Metacontroller has workers. */
const AT_ONCE = 5
/** A master that has locked itself out says nothing any more. */
const MASTER_LIMIT_MS = 10_000
const MANIFEST = new URL('../kustomize/components/seaweedfs/server.yaml', import.meta.url)

/** A bucket for each profile with an object in it, on the volume settings of our platform. */
export async function buckets(): Promise<Results> {
  const store = await startStore({ serverFlags: platformFlags() })
  try {
    const before = store.usage()
    const beganAt = performance.now()
    await fill(store)
    const ms = (performance.now() - beganAt) / BUCKETS
    // Written out, and the garbage of the work collected.
    await pause(10_000)
    const after = store.usage()
    const row = (work: string, unit: string, ours: number, note?: string): Row => ({
      work: `${work} at ${BUCKETS.toLocaleString('en')} buckets with an object each`,
      unit,
      ours,
      note
    })
    return {
      rows: [
        row('a bucket and its first object', 'ms', ms, `${AT_ONCE} buckets at once`),
        row(
          'memory of SeaweedFS',
          'MB',
          after.residentMb,
          `${Math.round(before.residentMb)} MB empty`
        ),
        row('file handles of SeaweedFS', '', after.openFiles, `${before.openFiles} empty`)
      ]
    }
  } finally {
    await store.stop()
  }
}

async function fill({ seaweedFs }: Store): Promise<void> {
  const s3 = new S3Client({
    endpoint: seaweedFs.s3Endpoint,
    region: 'us-east-1',
    credentials: { ...seaweedFs.admin },
    forcePathStyle: true
  })
  let next = 0
  const worker = async () => {
    while (next < BUCKETS) {
      const Bucket = `bucket-${String(next++).padStart(5, '0')}`
      await s3.send(new CreateBucketCommand({ Bucket }))
      const first = new PutObjectCommand({ Bucket, Key: 'private-artifacts/first', Body: 'first' })
      await s3
        .send(first, { abortSignal: AbortSignal.timeout(MASTER_LIMIT_MS * 2) })
        .catch(async (error) => {
          throw (await masterAnswers(seaweedFs.sideDoors.master)) ? error : lockedOut(next)
        })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function masterAnswers(master: string): Promise<boolean> {
  const signal = AbortSignal.timeout(MASTER_LIMIT_MS)
  return fetch(`${master}/dir/status`, { signal }).then(
    ({ ok }) => ok,
    () => false
  )
}

function lockedOut(count: number): Error {
  return new Error(`the master of SeaweedFS has locked itself out after ${count} buckets`)
}

/** What our manifests say of volumes: a later flag of the same name wins. */
function platformFlags(): string[] {
  const documents = parseAllDocuments(readFileSync(MANIFEST, 'utf8')).map((one) => one.toJS())
  const server = documents.find(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment')
  const [{ args = [] }]: [{ args?: string[] }] = server.spec.template.spec.containers
  return args.filter((flag) => /^-(volume\.(max|minFreeSpace)|master\.volume\w+)=/.test(flag))
}
