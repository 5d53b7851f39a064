import t from 'tap'
import type { SeaweedFs, Version } from '../../dev/seaweedfs.ts'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { s3Client } from '../fixtures/cluster-view.ts'
import { testObjectStore } from '../fixtures/object-store-contract.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { put } from '../fixtures/real-service.ts'

const VERSIONS: Version[] = ['4.48']
const APIS: Record<string, (seaweedFs: SeaweedFs) => string> = {
  'the IAM API embedded in the S3 port': ({ iamEndpoint }) => iamEndpoint,
  'the standalone IAM API': ({ standaloneIamEndpoint }) => String(standaloneIamEndpoint)
}

for (const version of VERSIONS) {
  for (const [name, endpointOf] of Object.entries(APIS)) {
    // A store each: two IAM writers on one would delete each other's users.
    t.test(`SeaweedFS ${version} through ${name} obeys the contract of the port`, async (t) => {
      const seaweedFs = await realSeaweedFs(t, { version, standaloneIam: true })
      if (seaweedFs === undefined) return
      await testObjectStore(t, async () => {
        const writes: string[] = []
        const settings = {
          s3Endpoint: seaweedFs.s3Endpoint,
          iamEndpoint: endpointOf(seaweedFs),
          region: 'us-east-1',
          credentials: seaweedFs.admin
        }
        const store = buildSeaweedFs(settings, 'mlpipeline', (step) => writes.push(step))
        const admin = s3Client(seaweedFs.s3Endpoint, seaweedFs.admin)
        return { store, writes, put: (bucket, key) => put(admin, bucket, key) }
      })
    })
  }
}
