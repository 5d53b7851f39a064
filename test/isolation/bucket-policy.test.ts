import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  PutUserPolicyCommand
} from '@aws-sdk/client-iam'
import {
  CreateBucketCommand,
  GetBucketPolicyCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  type S3Client
} from '@aws-sdk/client-s3'
import t from 'tap'
import { VERSIONS } from '../../dev/seaweedfs.ts'
import type { Statement } from '../../src/desired/access-policy.ts'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { MINUTES, refusalOf, startService } from '../fixtures/real-service.ts'
import { syncPyStatements, syncPyUserPolicy } from '../fixtures/sync-py.ts'

const Bucket = 'mlpipeline'
const FOREIGN: Statement = {
  Sid: 'OffLimits',
  Effect: 'Deny',
  Principal: '*',
  Action: ['s3:GetObject'],
  Resource: [`arn:aws:s3:::${Bucket}/off-limits/*`]
}

for (const version of VERSIONS) {
  t.test(`the policy of the shared bucket on SeaweedFS ${version}`, async (t) => {
    const seaweedFs = await realSeaweedFs(t, { version })
    if (seaweedFs === undefined) return
    const { iamEndpoint, s3Endpoint } = seaweedFs
    const service = await startService(t, seaweedFs, iamEndpoint, 'shared')

    async function read(): Promise<Statement[]> {
      const { Policy = '{}' } = await service.admin.send(new GetBucketPolicyCommand({ Bucket }))
      return JSON.parse(Policy).Statement
    }
    async function write(Statement: readonly Statement[]) {
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement })
      await service.admin.send(new PutBucketPolicyCommand({ Bucket, Policy }))
    }
    async function repairs(): Promise<string | undefined> {
      const metrics = await (await fetch(`${service.url}/metrics`)).text()
      return /^s3p_bucket_policy_repairs_total (\d+)$/m.exec(metrics)?.[1]
    }
    const list = (client: S3Client, Prefix?: string, Delimiter?: string) =>
      refusalOf(client.send(new ListObjectsV2Command({ Bucket, Prefix, Delimiter })))

    const UserName = 'team-legacy'
    await service.admin.send(new CreateBucketCommand({ Bucket }))
    await write([FOREIGN, ...syncPyStatements(Bucket)])
    await service.iam.send(new CreateUserCommand({ UserName }))
    await service.iam.send(
      new PutUserPolicyCommand({
        UserName,
        PolicyName: `KubeflowProject${UserName}`,
        PolicyDocument: JSON.stringify(syncPyUserPolicy(Bucket, UserName))
      })
    )
    const { AccessKey } = await service.iam.send(new CreateAccessKeyCommand({ UserName }))
    const legacy = s3Client(s3Endpoint, {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? ''
    })

    const teams = ['team-a', 'team-b'].map((name) => clusterView(service.url, name, `uid-${name}`))
    for (const team of teams) t.equal((await team.sync()).status, 200)
    const [teamA, teamB] = teams.map(({ accessKey }) => s3Client(s3Endpoint, accessKey))
    if (teamA === undefined || teamB === undefined) throw new Error('there are two')

    await t.test('takes the place of sync.py’s four statements, which is no repair', async (t) => {
      const sids = (await read()).map(({ Sid }) => Sid)
      t.same(sids, [
        'OffLimits',
        'DenyPrefixPromotion',
        'ProfileHeadBucket',
        'LegacyProfileOwnPrefixList'
      ])
      t.equal(await repairs(), '0')
    })

    await t.test('lets a user of sync.py list its own prefix and nothing else', async (t) => {
      t.equal(await list(legacy, `private-artifacts/${UserName}/`), undefined)
      for (const prefix of ['private-artifacts/team-a/', 'private-artifacts/', '', undefined]) {
        t.equal(await list(legacy, prefix), 'AccessDenied', `prefix ${prefix}`)
        t.equal(await list(legacy, prefix, '/'), 'AccessDenied', `prefix ${prefix}`)
      }
    })

    await t.test('lets our users list theirs', async (t) => {
      t.equal(await list(teamA, 'private-artifacts/team-a/'), undefined)
      t.equal(await list(teamB, 'private-artifacts/team-b/'), undefined)
      t.equal(await list(teamA, 'private-artifacts/team-b/'), 'AccessDenied')
    })

    await t.test('is repaired when our Deny was tampered with, and counted', async (t) => {
      const before = await read()
      const harmless = (statement: Statement): Statement =>
        statement.Sid === 'DenyPrefixPromotion'
          ? { ...statement, Action: 's3:GetObjectRetention' }
          : statement
      await write(before.map(harmless))
      service.clock.now += 5 * MINUTES
      for (const team of teams) t.equal((await team.sync()).status, 200)
      t.same(await read(), before, 'as it was, the foreign statement included')
      t.equal(await repairs(), '1')
    })
  })
}
