import { CreateAccessKeyCommand, IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam'
import { CreateBucketCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import type { SeaweedFs } from '../../dev/seaweedfs.ts'
import type { Party } from '../../src/matrix/scene.ts'
import { s3Client } from '../fixtures/cluster-view.ts'

export const SYNC_PY_BUCKET = 'mlpipeline'

/** Two profiles as KFP's sync.py makes them: its user policies, and its policy of the one bucket. */
export async function syncPyParties(
  seaweedFs: SeaweedFs,
  namespaces: readonly [string, string]
): Promise<readonly [Party, Party]> {
  const admin = s3Client(seaweedFs.s3Endpoint, seaweedFs.admin)
  await admin.send(new CreateBucketCommand({ Bucket: SYNC_PY_BUCKET }))
  const iam = new IAMClient({
    endpoint: seaweedFs.iamEndpoint,
    region: 'us-east-1',
    credentials: { ...seaweedFs.admin }
  })
  const partyOf = async (namespace: string): Promise<Party> => {
    const UserName = namespace
    const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }))
    const PolicyDocument = JSON.stringify(userPolicy(namespace))
    const PolicyName = `KubeflowProject${namespace}`
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }))
    return {
      namespace,
      user: namespace,
      accessKey: {
        accessKeyId: AccessKey?.AccessKeyId ?? '',
        secretAccessKey: AccessKey?.SecretAccessKey ?? ''
      },
      bucket: SYNC_PY_BUCKET,
      prefix: `private-artifacts/${namespace}/`
    }
  }
  const parties = [await partyOf(namespaces[0]), await partyOf(namespaces[1])] as const
  const Policy = JSON.stringify(bucketPolicy())
  await admin.send(new PutBucketPolicyCommand({ Bucket: SYNC_PY_BUCKET, Policy }))
  return parties
}

function userPolicy(namespace: string) {
  const areas = [
    'artifacts/',
    `private-artifacts/${namespace}/`,
    `private/${namespace}/`,
    'shared/'
  ]
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['s3:Put*', 's3:Get*', 's3:List*', 's3:DeleteObject'],
        Resource: areas.map((area) => `arn:aws:s3:::${SYNC_PY_BUCKET}/${area}*`)
      }
    ]
  }
}

function bucketPolicy() {
  const list = {
    Principal: '*',
    Action: 's3:ListBucket',
    Resource: `arn:aws:s3:::${SYNC_PY_BUCKET}`
  }
  // biome-ignore lint/suspicious/noTemplateCurlyInString: SeaweedFS fills it in
  const own = ['private-artifacts/${aws:username}/*', 'private/${aws:username}/*']
  return {
    Version: '2012-10-17',
    Statement: [
      {
        ...list,
        Sid: 'AllowOwnDeepList',
        Effect: 'Allow',
        Condition: { StringLike: { 's3:prefix': [...own, 'artifacts/*', 'shared/*'] } }
      },
      {
        ...list,
        Sid: 'AllowHeadBucket',
        Effect: 'Allow',
        Condition: { StringEquals: { 's3:RequestMethod': 'HEAD' } }
      },
      {
        ...list,
        Sid: 'AllowTopLevelDelimitedBrowse',
        Effect: 'Allow',
        Condition: { Null: { 's3:prefix': 'true' }, StringEquals: { 's3:delimiter': '/' } }
      },
      {
        ...list,
        Sid: 'DenyOtherDeepList',
        Effect: 'Deny',
        Condition: {
          StringLike: { 's3:prefix': ['private-artifacts/*', 'private/*'] },
          StringNotLike: { 's3:prefix': own }
        }
      }
    ]
  }
}
