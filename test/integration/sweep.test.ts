import { ListPoliciesCommand, ListUsersCommand } from '@aws-sdk/client-iam'
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { type SeaweedFs, VERSIONS } from '../../dev/seaweedfs.ts'
import { applySweep } from '../../src/commands/apply-sweep.ts'
import { planSweep } from '../../src/commands/sweep.ts'
import { buildSeaweedFs } from '../../src/object-store/seaweedfs.ts'
import { config } from '../fixtures/builders.ts'
import { type ClusterView, clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { runCommand } from '../fixtures/command.ts'
import { clusterOf, kubectlList } from '../fixtures/kubectl.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import {
  eventually,
  get,
  MINUTES,
  put,
  rootOf,
  type Service,
  startService
} from '../fixtures/real-service.ts'

const LIVING = ['team-a', 'team-b', 'team-c']
const NEWCOMERS = ['team-new-1', 'team-new-2', 'team-new-3', 'team-new-4']
const TWO_DAYS = 2 * 86_400

for (const version of VERSIONS) {
  t.test(`what is left behind on SeaweedFS ${version}`, async (t) => {
    const seaweedFs = await realSeaweedFs(t, { version })
    if (seaweedFs === undefined) return
    await t.test('of profiles with a bucket each', (t) => sweepBuckets(t, seaweedFs))
    await t.test('of profiles that share a bucket', (t) => sweepPolicies(t, seaweedFs))
  })
}

async function sweepBuckets(t: Test, seaweedFs: SeaweedFs) {
  const service = await startService(t, seaweedFs, seaweedFs.iamEndpoint, 'per-profile')
  const [a, , , gone] = await onboard(t, service, [...LIVING, 'team-gone'])
  if (a === undefined || gone === undefined) throw new Error('nobody was onboarded')
  const { bucket, prefix } = rootOf(gone)
  const client = s3Client(seaweedFs.s3Endpoint, gone.accessKey)
  for (let index = 0; index < 30; index++) await put(client, bucket, `${prefix}model-${index}`)
  const everybody = [...LIVING, ...NEWCOMERS]
  const list = kubectlList(clusterOf(...everybody))
  const listWithout = (name: string) =>
    kubectlList(clusterOf(...everybody.filter((other) => other !== name)))
  const sweep = (...args: string[]) => runCommand(seaweedFs, ['sweep', ...args], list)

  const plan = await sweep('--data')
  t.equal(plan.code, 1)
  t.match(plan.stdout, new RegExp(`user +${bucket} +disable +has 1 active key\n`))
  t.match(plan.stdout, new RegExp(`bucket +${bucket} +wait +30 objects, .*goes after its user\n`))
  t.match(plan.stdout, /\n1 to disable, 1 for a later run\.\nNothing was done/)
  await t.resolves(get(client, bucket, `${prefix}model-1`), 'and so it still works')

  // The service goes on meanwhile, through the same endpoint.
  const [first, newcomers] = await Promise.all([
    sweep('--apply', '--data'),
    onboard(t, service, NEWCOMERS)
  ])
  t.equal(first.code, 1)
  t.match(first.stdout, /\nDisabled 1, deleted 0, left 0\.\nWhen nobody misses/)
  const read = () => get(client, bucket, `${prefix}model-1`)
  t.equal(await eventually('InvalidAccessKeyId', read), 'InvalidAccessKeyId')

  const second = await sweep('--apply', '--data')
  t.equal(second.code, 1)
  t.match(second.stdout, new RegExp(`user +${bucket} +delete +is disabled\n`))
  t.match(second.stdout, new RegExp(`bucket +${bucket} +wait .*is less than a day old\n`))
  t.match(second.stdout, /\nDisabled 0, deleted 1, left 0\./)
  t.notOk((await usersOf(service)).includes(bucket))
  t.equal((await objectsIn(service, bucket)).length, 30, 'data stays')

  t.match(await later(seaweedFs, clusterOf(...everybody)), [
    { orphan: { kind: 'bucket', name: bucket }, refusal: undefined }
  ])
  await t.rejects(objectsIn(service, bucket), { name: 'NoSuchBucket' })
  const last = await sweep()
  t.equal(last.code, 0)
  t.match(last.stdout, /: nothing\n$/)

  // A list that lacks somebody who lives.
  t.match(
    (await runCommand(seaweedFs, ['sweep', '--apply'], listWithout('team-a'))).stdout,
    /\nDisabled 1,/
  )
  const own = rootOf(a)
  const readOwn = () =>
    get(s3Client(seaweedFs.s3Endpoint, a.accessKey), own.bucket, `${own.prefix}model`)
  t.equal(await eventually('InvalidAccessKeyId', readOwn), 'InvalidAccessKeyId')
  service.clock.now += 5 * MINUTES
  t.equal((await a.sync()).status, 200, 'is mended by the next sync')

  for (const team of [a, ...newcomers]) {
    const { bucket, prefix } = rootOf(team)
    const client = s3Client(seaweedFs.s3Endpoint, team.accessKey)
    await t.resolves(put(client, bucket, `${prefix}model`), 'everybody else works on')
  }
}

async function sweepPolicies(t: Test, seaweedFs: SeaweedFs) {
  const settings = { NAME_PREFIX: 'sharing-', BUCKET_NAME: 'shared-home' }
  const { iamEndpoint } = seaweedFs
  const service = await startService(t, seaweedFs, iamEndpoint, 'shared', settings)
  const [a] = await onboard(t, service, [...LIVING, 'team-gone'])
  const list = kubectlList(clusterOf(...LIVING))
  const sweep = (...args: string[]) =>
    runCommand(seaweedFs, ['sweep', ...args], list, { ...settings, BUCKET_LAYOUT: 'shared' })
  const left = async () => {
    const { Policies = [] } = await service.iam.send(new ListPoliciesCommand({ Scope: 'Local' }))
    const names = [
      ...Policies.map(({ PolicyName = '' }) => PolicyName),
      ...(await usersOf(service))
    ]
    return names.filter((name) => name.startsWith('sharing-team-gone-')).length
  }

  t.equal(await left(), 2)
  const first = await sweep('--apply')
  t.match(
    first.stdout,
    /policy +\S+ +wait +goes after its user\n.*\nDisabled 1, deleted 0, left 0\./s
  )
  t.equal(await left(), 2)
  const second = await sweep('--apply')
  t.equal(second.code, 0)
  t.match(second.stdout, /\nDisabled 0, deleted 2, left 0\.\n$/)
  t.equal(await left(), 0)
  t.equal((await sweep()).code, 0)

  const client = s3Client(seaweedFs.s3Endpoint, (a as ClusterView).accessKey)
  await t.resolves(put(client, 'shared-home', 'private-artifacts/team-a/model'))
}

/** The same when the buckets are two days old. */
async function later(
  { s3Endpoint, iamEndpoint, admin }: SeaweedFs,
  cluster: ReturnType<typeof clusterOf>
) {
  const settings = config({
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    AWS_ENDPOINT_URL_IAM: iamEndpoint,
    AWS_ACCESS_KEY_ID: admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: admin.secretAccessKey
  })
  const store = buildSeaweedFs(settings.store, settings.profile.commonBucket, () => {})
  const options = {
    deletesData: true,
    evenMost: false,
    now: Math.floor(Date.now() / 1000) + TWO_DAYS,
    onProgress: () => {},
    signal: new AbortController().signal
  }
  const plan = await planSweep(settings, store, cluster, options)
  return applySweep(plan, store, options)
}

async function onboard(t: Test, service: Service, names: string[]): Promise<ClusterView[]> {
  const views = names.map((name) => clusterView(service.url, name, `profile-uid-of-${name}`))
  for (const view of views) t.equal((await view.sync()).status, 200)
  return views
}

async function usersOf({ iam }: Service): Promise<string[]> {
  const { Users = [] } = await iam.send(new ListUsersCommand({}))
  return Users.map(({ UserName = '' }) => UserName)
}

async function objectsIn({ admin }: Service, Bucket: string) {
  const { Contents = [] } = await admin.send(new ListObjectsV2Command({ Bucket }))
  return Contents
}
