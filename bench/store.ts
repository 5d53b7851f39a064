import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import {
  type IdentityApi,
  type SeaweedFs,
  startSeaweedFs,
  type Topology,
  type Version
} from '../dev/seaweedfs.ts'
import { storeEnvironment } from '../test/fixtures/real-seaweedfs.ts'
import { childrenNamed, type Usage, usageOf } from './process-usage.ts'

/** A new and empty SeaweedFS as processes of this one, so that what it costs can be seen. */
export interface Store {
  readonly seaweedFs: SeaweedFs
  /** The environment that makes our service use it. */
  readonly settings: Readonly<Record<string, string>>
  usage(): Usage
  stop(): Promise<void>
}

export interface StoreOptions {
  readonly version?: Version
  /** `single-gateway` is how KFP installs it; the other has two S3 processes, as our own platform has. */
  readonly topology?: Topology
  readonly identityApi?: IdentityApi
  /** More flags of `weed server`. */
  readonly serverFlags?: readonly string[]
}

/** The bucket that KFP makes at its installation. */
const COMMON_BUCKET = 'mlpipeline'

export async function startStore({
  version = '4.48',
  topology = 'tenant-gateway',
  identityApi = 'iam',
  serverFlags = []
}: StoreOptions = {}): Promise<Store> {
  const seaweedFs = await startSeaweedFs({
    version,
    topology,
    identityApi,
    runtime: 'binary',
    serverFlags
  })
  const pids = childrenNamed('weed')
  const s3 = new S3Client({
    endpoint: seaweedFs.s3Endpoint,
    region: 'us-east-1',
    credentials: { ...seaweedFs.admin },
    forcePathStyle: true
  })
  await s3.send(new CreateBucketCommand({ Bucket: COMMON_BUCKET }))
  return {
    seaweedFs,
    settings: storeEnvironment(seaweedFs),
    usage: () => usageOf(pids),
    stop: () => seaweedFs.stop()
  }
}
