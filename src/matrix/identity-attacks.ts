import { type Attack, attack } from './attack.ts'
import type { Signing } from './request.ts'

const EVERYTHING =
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'

/** Calls that only read, about oneself: what they give away about others counts. */
const OWN_READS: readonly string[] = [
  'Action=GetUser',
  'Action=ListAccessKeys',
  'Action=ListAccessKeys&UserName={own.user}'
]

/** Calls that only read, about others: they must not be answered. */
const READS: readonly string[] = [
  'Action=ListUsers',
  'Action=GetUser&UserName={their.user}',
  'Action=ListAccessKeys&UserName={their.user}',
  'Action=ListPolicies',
  'Action=ListAttachedUserPolicies&UserName={their.user}',
  'Action=ListUserPolicies&UserName={their.user}',
  'Action=ListGroups',
  'Action=ListRoles',
  'Action=ListServiceAccounts',
  'Action=GetAccessKeyLastUsed&AccessKeyId={their.keyId}',
  'Action=GetAccountAuthorizationDetails'
]

/** Calls that would change who may do what. */
const WRITES: readonly string[] = [
  'Action=CreateAccessKey&UserName={own.user}',
  'Action=CreateAccessKey&UserName={their.user}',
  'Action=DeleteAccessKey&UserName={their.user}&AccessKeyId={their.keyId}',
  'Action=UpdateAccessKey&UserName={their.user}&AccessKeyId={their.keyId}&Status=Inactive',
  'Action=CreateUser&UserName=planted',
  'Action=UpdateUser&UserName={own.user}&NewUserName=planted',
  'Action=UpdateUser&UserName={own.user}&NewUserName=admin',
  'Action=DeleteUser&UserName={their.user}',
  'Action=TagUser&UserName={their.user}&Tags.member.1.Key=k&Tags.member.1.Value=v',
  `Action=PutUserPolicy&UserName={own.user}&PolicyName=planted&PolicyDocument=${EVERYTHING}`,
  `Action=PutUserPolicy&UserName={their.user}&PolicyName=planted&PolicyDocument=${EVERYTHING}`,
  `Action=CreatePolicy&PolicyName=planted&PolicyDocument=${EVERYTHING}`,
  'Action=AttachUserPolicy&UserName={own.user}&PolicyArn=arn:aws:iam:::policy/planted',
  'Action=CreateGroup&GroupName=planted',
  'Action=AddUserToGroup&GroupName=planted&UserName={own.user}',
  'Action=CreateServiceAccount&ParentUser={their.user}',
  'Action=CreateServiceAccount&ParentUser={own.user}',
  'Action=DeactivateUser&UserName={their.user}'
]

/** Without a user it is the own one, of whom there is no such key: that may be said. */
const OWN_WRITES: readonly string[] = [
  'Action=DeleteAccessKey&AccessKeyId={their.keyId}',
  'Action=UpdateAccessKey&AccessKeyId={their.keyId}&Status=Inactive'
]

const TOKENS: readonly string[] = [
  'Action=AssumeRole&RoleArn=arn:aws:iam::000000000000:role/admin&RoleSessionName=s',
  'Action=AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::000000000000:role/admin&RoleSessionName=s&WebIdentityToken=forged',
  'Action=AssumeRoleWithLDAPIdentity&LDAPUsername=admin&LDAPPassword=admin',
  'Action=GetFederationToken&Name=planted',
  'Action=GetSessionToken'
]

/** The last of all: on SeaweedFS 4.48 it leaves an identity without a name, and IAM answers 500 ever after. */
const NAMELESS = 'Action=CreateAccessKey'

const SIGNINGS: readonly Signing[] = [
  'header',
  'presigned',
  'header-v2',
  'presigned-v2',
  'unsigned'
]

export const IDENTITY_ATTACKS: readonly Attack[] = [
  ...SIGNINGS.flatMap((signing) => [
    ...OWN_READS.map((action) => call('identities, read', action, { signing })),
    ...READS.map((action) => call('identities, read', action, { signing, judgedBy: 'status' })),
    ...TOKENS.map((action) => call('session tokens', action, { signing, judgedBy: 'status' })),
    ...WRITES.map((action) =>
      call('identities, written', action, { signing, judgedBy: 'status', risk: 'identities' })
    ),
    ...OWN_WRITES.map((action) =>
      call('identities, written', action, { signing, risk: 'identities' })
    )
  ]),
  call('identities, read', 'Action=ListAccessKeys', { line: 'GET /?Action=ListAccessKeys' }),
  call('identities, read', '', { line: 'GET /?Action=ListUsers&Version=2010-05-08' }),
  call('identities, read', 'Action=ListUsers', { line: 'POST /iam/' }),
  ...SIGNINGS.map((signing) =>
    call('identities, without a name', NAMELESS, { signing, risk: 'identities' })
  )
]

function call(group: string, body: string, rest: Partial<Attack>): Attack {
  return attack(group, 'POST /', {
    api: 'iam',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: body.replaceAll(/=(arn:[^&]*|\{"[^&]*)/g, (_, value) => `=${encodeURIComponent(value)}`),
    ...rest
  })
}
