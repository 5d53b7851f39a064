import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreatePolicyCommand,
  CreatePolicyVersionCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  DetachUserPolicyCommand,
  type IAMClient,
  ListAttachedUserPoliciesCommand,
  PutUserPolicyCommand,
  UpdateAccessKeyCommand
} from '@aws-sdk/client-iam'
import { DeleteBucketCommand, DeleteObjectCommand } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { type SeaweedFs, VERSIONS } from '../../dev/seaweedfs.ts'
import { NO_FINDINGS } from '../../src/desired/identity.ts'
import { suppliedAccessKeyCommand } from '../../src/object-store/supplied-access-key.ts'
import { type ClusterView, clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import {
  eventually,
  get,
  keysOf,
  LAYOUTS,
  MINUTES,
  onBothIamApis,
  put,
  rootOf,
  type Service,
  startService,
  userIn
} from '../fixtures/real-service.ts'

const POLICY_ARN = 'arn:aws:iam:::policy/'
/** Wider than ours, and without a Deny: what somebody in a hurry would write. */
const WIDE = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] }]
})

/** A profile at rest, and whoever may break something about it. */
interface Victim {
  readonly team: ClusterView
  readonly user: string
  readonly service: Service
  readonly bucket: string
  readonly prefix: string
}

type Damage = (victim: Victim) => Promise<unknown>

/** What a sync finds by itself, as soon as its proof is too old, and what the gateway says of the key then. */
const SEEN: Record<string, [refusal: string, damage: Damage]> = {
  'a key deleted': [
    'InvalidAccessKeyId',
    ({ team, user, service }) => service.iam.send(new DeleteAccessKeyCommand(keyOf(team, user)))
  ],
  'a key disabled': [
    'InvalidAccessKeyId',
    ({ team, user, service }) =>
      service.iam.send(new UpdateAccessKeyCommand({ ...keyOf(team, user), Status: 'Inactive' }))
  ],
  'a key made again by the tenant with another secret': [
    'SignatureDoesNotMatch',
    async ({ team, user, service }) => {
      const { accessKeyId } = team.accessKey
      await service.iam.send(new DeleteAccessKeyCommand(keyOf(team, user)))
      const other = { accessKeyId, secretAccessKey: 'x'.repeat(40) }
      await service.iam.send(suppliedAccessKeyCommand(user, other))
    }
  ],
  'a policy detached': ['AccessDenied', detach],
  'a user deleted': [
    'InvalidAccessKeyId',
    async (victim) => {
      const { team, user, service } = victim
      await service.iam.send(new DeleteAccessKeyCommand(keyOf(team, user)))
      await detach(victim)
      await service.iam.send(new DeleteUserCommand({ UserName: user }))
    }
  ],
  'an older key, as from a backup': [
    'InvalidAccessKeyId',
    async ({ team, user, service }) => {
      await service.iam.send(new DeleteAccessKeyCommand(keyOf(team, user)))
      await service.iam.send(new CreateAccessKeyCommand({ UserName: user }))
    }
  ]
}

/** What only the audit finds: the key works as well as ever. */
const FOUND: Record<string, [finding: string, damage: Damage]> = {
  'a key that the tenant made': [
    'foreign-key',
    ({ user, service }) => service.iam.send(new CreateAccessKeyCommand({ UserName: user }))
  ],
  'another policy attached': [
    'foreign-policy',
    async ({ user, service: { iam } }) => {
      const PolicyName = `wide-${user}`
      await iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument: WIDE }))
      const PolicyArn = POLICY_ARN + PolicyName
      await iam.send(new AttachUserPolicyCommand({ UserName: user, PolicyArn }))
    }
  ],
  'an inline policy': [
    'foreign-policy',
    ({ user, service: { iam } }) => {
      const change = { UserName: user, PolicyName: 'wide', PolicyDocument: WIDE }
      return iam.send(new PutUserPolicyCommand(change))
    }
  ],
  'the policy edited': ['edited-policy', edit]
}

for (const version of VERSIONS) {
  t.test(`what was broken is repaired on SeaweedFS ${version}`, (t) =>
    onBothIamApis(
      t,
      async (t, seaweedFs, endpoint) => {
        for (const layout of LAYOUTS) {
          const service = await startService(t, seaweedFs, endpoint, layout)
          const victims: Victim[] = []
          const newVictim = async () => {
            const victim = await victimOn(service, `team-${layout}-${victims.length}`)
            victims.push(victim)
            return victim
          }

          for (const [what, [refusal, damage]] of Object.entries(SEEN)) {
            await t.test(`${layout}: ${what}`, async (t) => {
              const victim = await newVictim()
              const { team, bucket, prefix } = victim
              const client = s3Client(seaweedFs.s3Endpoint, team.accessKey)
              await damage(victim)
              const read = () => get(client, bucket, `${prefix}model`)
              t.equal(await eventually(refusal, read), refusal, 'the gateway has heard of it')
              service.clock.now += 5 * MINUTES
              await isMended(t, victim, seaweedFs)
            })
          }
          for (const [what, [finding, damage]] of Object.entries(FOUND)) {
            await t.test(`${layout}: ${what}`, async (t) => {
              const victim = await newVictim()
              await damage(victim)
              const { findings } = await service.audit()
              t.ok(findings[finding as keyof typeof findings] >= 1, JSON.stringify(findings))
              await isMended(t, victim, seaweedFs)
            })
          }

          await t.test(`${layout}: a Secret edited, and deleted`, async (t) => {
            const victim = await newVictim()
            const { team } = victim
            const { accessKey } = team
            const secretkey = Buffer.from('forged').toString('base64')
            team.attachments = team.attachments.map((attachment) =>
              attachment.kind === 'Secret'
                ? { ...attachment, data: { ...attachment.data, secretkey } }
                : attachment
            )
            await isMended(t, victim, seaweedFs, accessKey)
            team.attachments = []
            await isMended(t, victim, seaweedFs, accessKey)
          })

          await t.test(`${layout}: and then nothing is left to find`, async (t) => {
            for (const { team } of [...victims, ...victims])
              t.equal((await team.sync()).status, 200)
            t.same((await service.audit()).findings, NO_FINDINGS)
          })
        }
      },
      version
    )
  )

  t.test(`a bucket deleted, and a store lost, on SeaweedFS ${version}`, async (t) => {
    const seaweedFs = await realSeaweedFs(t, { version })
    if (seaweedFs === undefined) return
    const service = await startService(t, seaweedFs, seaweedFs.iamEndpoint, 'per-profile')
    const victim = await victimOn(service, 'team-lost')

    await t.test('the bucket', async (t) => {
      const { bucket, prefix } = victim
      for (const key of [`${prefix}model`, prefix, 'private-artifacts/']) {
        await service.admin.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
      }
      await service.admin.send(new DeleteBucketCommand({ Bucket: bucket }))
      service.clock.now += 5 * MINUTES
      await isMended(t, victim, seaweedFs)
    })

    await t.test('everything', async (t) => {
      const empty = await realSeaweedFs(t, { version })
      if (empty === undefined) return
      const elsewhere = await startService(t, empty, empty.iamEndpoint, 'per-profile')
      victim.team.url = elsewhere.url
      await isMended(t, { ...victim, service: elsewhere }, empty)
    })
  })
}

async function victimOn(service: Service, name: string): Promise<Victim> {
  const before = service.writes.length
  const team = clusterView(service.url, name, `uid-${name}`)
  for (let turn = 0; turn < 2; turn++) await team.sync()
  const { bucket, prefix } = rootOf(team)
  await put(service.admin, bucket, `${prefix}model`)
  return { team, user: userIn(service.writes.slice(before)), service, bucket, prefix }
}

/** The same key as ever is the only one, it works, its limits hold, and a further sync writes nothing. */
async function isMended(
  t: Test,
  { team, user, service, bucket, prefix }: Victim,
  { s3Endpoint }: SeaweedFs,
  accessKey = team.accessKey
) {
  for (let turn = 0; turn < 4; turn++) {
    const { status, body } = await team.sync()
    t.equal(status, 200, body.message)
  }
  t.same(team.accessKey, accessKey)
  t.same(await keysOf(service, user), [accessKey.accessKeyId])
  const client = s3Client(s3Endpoint, accessKey)
  await put(client, bucket, `${prefix}model`)
  await t.resolves(get(client, bucket, `${prefix}model`))
  const abroad = () => put(client, 'mlpipeline', 'private-artifacts/somebody/model')
  t.equal(await eventually('AccessDenied', abroad), 'AccessDenied')
  const writes = service.writes.length
  t.equal((await team.sync()).status, 200)
  t.equal(service.writes.length, writes)
}

function keyOf({ accessKey }: ClusterView, UserName: string) {
  return { UserName, AccessKeyId: accessKey.accessKeyId }
}

async function policiesOf(iam: IAMClient, UserName: string): Promise<string[]> {
  const { AttachedPolicies = [] } = await iam.send(
    new ListAttachedUserPoliciesCommand({ UserName })
  )
  return AttachedPolicies.map(({ PolicyName = '' }) => PolicyName)
}

async function detach({ user, service: { iam } }: Victim) {
  for (const name of await policiesOf(iam, user)) {
    const PolicyArn = POLICY_ARN + name
    await iam.send(new DetachUserPolicyCommand({ UserName: user, PolicyArn }))
  }
}

/** For everybody who has it: the embedded API takes a new version without a Deny, the standalone one overwrites. */
async function edit({ user, service: { iam } }: Victim) {
  const [PolicyName = ''] = await policiesOf(iam, user)
  const version = { PolicyArn: POLICY_ARN + PolicyName, PolicyDocument: WIDE, SetAsDefault: true }
  const overwrite = new CreatePolicyCommand({ PolicyName, PolicyDocument: WIDE })
  await iam.send(new CreatePolicyVersionCommand(version)).catch(() => iam.send(overwrite))
}
