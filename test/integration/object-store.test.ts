import t, { type Test } from 'tap'
import { type SeaweedFsOptions, VERSIONS } from '../../dev/seaweedfs.ts'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { config } from '../fixtures/builders.ts'
import { s3Client } from '../fixtures/cluster-view.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../fixtures/loopback-certificate.ts'
import { testObjectStore } from '../fixtures/object-store-contract.ts'
import { realSeaweedFs, storeEnvironment } from '../fixtures/real-seaweedfs.ts'
import { put } from '../fixtures/real-service.ts'

/** A store each: two that write identities on one would delete each other's users. */
async function testOn(
  t: Test,
  options: SeaweedFsOptions,
  api: 'embedded' | 'standalone' = 'embedded',
  overrides: Record<string, string> = {}
) {
  const seaweedFs = await realSeaweedFs(t, options)
  if (seaweedFs === undefined) return
  const { standaloneIamEndpoint, s3Endpoint, admin } = seaweedFs
  const iamEndpoint = api === 'standalone' ? String(standaloneIamEndpoint) : seaweedFs.iamEndpoint
  const settings = config({
    ...storeEnvironment({ ...seaweedFs, iamEndpoint }),
    ...overrides
  }).store
  await testObjectStore(t, async () => {
    const writes: string[] = []
    const store = buildSeaweedFs(settings, 'mlpipeline', (step) => writes.push(step))
    const client = s3Client(s3Endpoint, admin)
    const createsWhole = options.identityApi === 'filer'
    return { store, writes, put: (bucket, key) => put(client, bucket, key), createsWhole }
  })
}

for (const version of VERSIONS) {
  for (const api of ['embedded', 'standalone'] as const) {
    t.test(`SeaweedFS ${version} through its ${api} IAM API obeys the contract`, (t) =>
      testOn(t, { version, standaloneIam: true }, api)
    )
  }
  t.test(`SeaweedFS ${version} through its filer obeys the contract`, (t) =>
    testOn(t, { version, identityApi: 'filer' })
  )
}

t.test('a filer that speaks gRPC with mutual TLS', async (t) => {
  const folder = t.testdir({ 'tls.crt': LOOPBACK_CERTIFICATE, 'tls.key': LOOPBACK_KEY })
  const grpcCertificate = { cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY }
  // As processes: containers have an address that is not in the certificate.
  const options = { runtime: 'binary', identityApi: 'filer', grpcCertificate } as const
  await testOn(t, options, 'embedded', {
    FILER_CA: LOOPBACK_CERTIFICATE.trim(),
    FILER_TLS_CERT_FILE: `${folder}/tls.crt`,
    FILER_TLS_KEY_FILE: `${folder}/tls.key`
  })
})
