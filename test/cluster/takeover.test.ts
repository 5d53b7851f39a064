import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetUserCommand } from '@aws-sdk/client-iam'
import { CreateBucketCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import t from 'tap'
import { s3Client } from '../fixtures/cluster-view.ts'
import { refusalOf } from '../fixtures/real-service.ts'
import { syncPyStatements } from '../fixtures/sync-py.ts'
import { GRACE_SECONDS } from './installation.ts'
import type { Kubernetes } from './kubernetes.ts'
import { applyManifests, type Platform, startPlatform } from './platform.ts'
import { startService } from './service.ts'
import { adminIam, liveUsers } from './store-view.ts'
import { startSyncPy } from './sync-py-hook.ts'
import { SECRET, type Tenant, tenantOf } from './tenant.ts'
import { until } from './until.ts'

const KFP = new URL('kfp-profile-controller.yaml', import.meta.url)
const BUCKET = 'mlpipeline'
const NAMES = ['legacy-a', 'legacy-b', 'legacy-c']
const PROXY = 'ml-pipeline-ui-artifact'
const TAKEN_OVER = [
  `api/v1/secrets/${SECRET}`,
  'api/v1/configmaps/kfp-launcher',
  'api/v1/configmaps/metadata-grpc-configmap',
  'api/v1/configmaps/artifact-repositories',
  `api/v1/services/${PROXY}`,
  `apis/apps/v1/deployments/${PROXY}`
]

t.test('an installation of KFP with sync.py is taken over', async (t) => {
  const platform = await startPlatform(t)
  if (platform === undefined) return
  const { kubernetes, seaweedFs, cluster } = platform
  const iam = adminIam(seaweedFs)
  const teams = NAMES.map((name) => tenantOf(platform, 'decorator', name))
  await makeBucket(platform)
  const syncPy = await startSyncPy(t, cluster.thisMachine, iam, BUCKET)
  await applyKfp(platform, syncPy)
  await platform.startMetacontroller()
  const before = await Promise.all(teams.map((team) => atWork(kubernetes, team)))

  const service = await startService(platform, {
    BUCKET_LAYOUT: 'shared',
    ARTIFACTS_PROXY_ENABLED: 'true',
    KFP_VERSION: '2.17.0',
    CREDENTIAL_GRACE: `${GRACE_SECONDS}s`
  })
  await applyManifests(platform, 'decorator', service.url)

  await t.test('every Secret gets a key of ours, and running pods keep theirs', async (t) => {
    for (const { team, client: old } of before) {
      const client = await until('another key', async () => {
        const client = await team.client()
        return client?.accessKeyId !== old.accessKeyId && client
      })
      await t.resolves(client.get('model'), 'the new key reads what the old one wrote')
      await t.resolves(old.get('model'), 'the old one works for the grace')
    }
  })

  await t.test('every object is the one that it was', async (t) => {
    for (const { team, uids } of before) {
      await team.untilSettled()
      t.same(await uidsOf(kubernetes, team), uids)
    }
  })

  await t.test('after the grace sync.py’s users are gone, and there is a key each', async (t) => {
    for (const { team, client: old } of before) {
      t.equal(await refusalOf(old.get('model')), 'InvalidAccessKeyId')
      const asked = iam.send(new GetUserCommand({ UserName: team.name }))
      t.equal(await refusalOf(asked), 'NoSuchEntityException')
      const users = await liveUsers(iam, team.name)
      const id = (await team.client())?.accessKeyId ?? ''
      t.same(
        users.flatMap(({ accessKeys }) => accessKeys),
        [{ id, isActive: true }]
      )
    }
  })

  await t.test('nothing failed on the way', async (t) => {
    const warnings = await kubernetes.list('/api/v1/events?fieldSelector=type=Warning')
    t.same(
      warnings.map(({ message }) => message),
      []
    )
  })
})

async function makeBucket({ seaweedFs: { s3Endpoint, admin } }: Platform): Promise<void> {
  const client = s3Client(s3Endpoint, admin)
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  const document = { Version: '2012-10-17', Statement: syncPyStatements(BUCKET) }
  const Policy = JSON.stringify(document)
  await client.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy }))
}

async function applyKfp({ cluster, kubernetes }: Platform, address: string): Promise<void> {
  const file = join(cluster.processes.folder, 'kfp.yaml')
  const text = readFileSync(KFP, 'utf8')
  writeFileSync(file, text.replace('http://kubeflow-pipelines-profile-controller', address))
  await kubernetes.kubectl('apply', '-f', file)
}

/** A team that sync.py has served and that has written something. */
async function atWork(kubernetes: Kubernetes, team: Tenant) {
  await team.arrive()
  const client = await until(`${team.name} can write`, async () => {
    const client = await team.client()
    await client?.put('model')
    return client
  })
  const uids = await until('all objects', async () => {
    const found = await uidsOf(kubernetes, team)
    return found.every(Boolean) && found
  })
  return { team, client, uids }
}

function uidsOf({ get }: Kubernetes, { name }: Tenant) {
  const paths = TAKEN_OVER.map((path) => `/${path.replace('v1/', `v1/namespaces/${name}/`)}`)
  return Promise.all(paths.map(async (path) => (await get(path))?.metadata.uid))
}
