import t, { type Test } from 'tap'
import type { SeaweedFs, SeaweedFsOptions } from '../../dev/seaweedfs.ts'
import { doctor } from '../../src/commands/doctor.ts'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { budget, config } from '../fixtures/builders.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'

/** The command on a real store, which profiles reach under the address that is written into ConfigMaps. */
async function examine(seaweedFs: SeaweedFs, overrides: Record<string, string> = {}) {
  const { s3Endpoint, iamEndpoint, admin, sideDoors } = seaweedFs
  const { profile, ...rest } = config({
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    AWS_ENDPOINT_URL_IAM: iamEndpoint,
    AWS_ACCESS_KEY_ID: admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: admin.secretAccessKey,
    ...overrides
  })
  const settings = { ...rest, profile: { ...profile, storeAddress: new URL(s3Endpoint).host } }
  const store = buildSeaweedFs(settings.store, profile.commonBucket, () => {})
  const findings = await doctor(settings, store, {
    objects: undefined,
    sideDoors: {
      filer: [sideDoors.filer],
      master: [sideDoors.master],
      volume: [sideDoors.volume]
    },
    signal: new AbortController().signal
  })
  const verdictOf = (check: string) =>
    findings.find((finding) => finding.check.startsWith(check))?.verdict
  return { store, findings, verdictOf }
}

const STORES: [what: string, options: SeaweedFsOptions, iam: string, version: string][] = [
  ['of our own', { engine: 'iam-manager' }, 'ok', 'ok'],
  ['of a stock KFP', { version: '4.34', topology: 'single-gateway' }, 'warning', 'ok']
]
for (const [what, options, iam, version] of STORES) {
  t.test(`doctor on a store ${what}`, async (t: Test) => {
    const seaweedFs = await realSeaweedFs(t, options)
    if (seaweedFs === undefined) return
    const { store, findings, verdictOf } = await examine(seaweedFs)
    for (const finding of findings)
      t.comment(`${finding.verdict} ${finding.check}: ${finding.evidence}`)
    for (const check of [
      'S3 endpoint',
      'IAM endpoint',
      'endpoint in',
      'clocks',
      'supplied',
      'one store'
    ]) {
      t.equal(verdictOf(check), 'ok', check)
    }
    t.equal(verdictOf('store version'), version)
    t.equal(verdictOf('IAM on'), iam)
    t.equal(verdictOf('master'), 'failed', 'it is open to this process')
    t.equal(verdictOf('Metacontroller'), 'skipped')

    t.same(await store.listUsers(budget()).then((users) => users.filter(isOfDoctor)), [])
    t.same(await store.listPolicies(budget()).then((names) => names.filter(isOfDoctor)), [])

    const wrong = await examine(seaweedFs, { AWS_ENDPOINT_URL_IAM: seaweedFs.sideDoors.filer })
    t.equal(wrong.verdictOf('IAM endpoint'), 'failed')
    t.equal(wrong.verdictOf('supplied'), 'skipped')
  })
}

function isOfDoctor(name: string): boolean {
  return name.includes('doctor')
}
