import { type Attack, attack } from './attack.ts'

/** A bucket's configuration, with a body that would change it. */
const DOCUMENTS: Readonly<Record<string, string>> = {
  policy:
    '{"Version":"2012-10-17","Statement":[{"Sid":"Planted","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::{b}/*"}]}',
  lifecycle:
    '<LifecycleConfiguration><Rule><ID>planted</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>',
  cors: '<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>',
  versioning: '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  acl: '<AccessControlPolicy><Owner><ID>admin</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group"><URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>',
  tagging: '<Tagging><TagSet><Tag><Key>planted</Key><Value>yes</Value></Tag></TagSet></Tagging>',
  encryption:
    '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>',
  ownershipControls:
    '<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>',
  requestPayment:
    '<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>',
  'object-lock':
    '<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>',
  website:
    '<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument></WebsiteConfiguration>',
  logging: '<BucketLoggingStatus></BucketLoggingStatus>',
  notification: '<NotificationConfiguration></NotificationConfiguration>',
  replication: '<ReplicationConfiguration></ReplicationConfiguration>',
  publicAccessBlock:
    '<PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls></PublicAccessBlockConfiguration>',
  accelerate: '<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>'
}
/** Only read; whoever answers tells how the bucket is guarded. */
const READ_ONLY_DOCUMENTS = ['policyStatus', 'analytics', 'inventory', 'metrics']

/** Answered to whoever may list the bucket, and always the same: only effects tell. */
const CONSTANTS = new Set([
  ...['logging', 'accelerate', 'requestPayment', 'policyStatus', 'website', 'replication']
])

/** Query parameters that make a request on the bucket look like one on an own object or upload. */
const DISGUISES = [
  '',
  '&prefix={own.mark}object',
  '&uploadId={own.upload}',
  '&uploadId={own.upload}&partNumber=1&prefix={own.mark}object',
  '&uploads&prefix={own.mark}object',
  '&tagging&prefix={own.mark}object'
]

/** No profile may change a bucket: that there was nothing to change is as bad. */
const ON_BUCKETS = { judgedBy: 'status', risk: 'buckets' } as const

const BUCKETS = ['{their.bucket}', '{own.bucket}']

/** First of all: a bucket whose configuration an attack has changed may not let itself be deleted. */
const DELETIONS: readonly Attack[] = BUCKETS.flatMap((bucket) => [
  ...[
    ...DISGUISES.map((disguise) => disguise.replace('&', '?')),
    '?uploadId={own.upload}&prefix={own.mark}upload',
    '?uploadId=x&prefix={own.mark}object',
    '?force=true',
    '/'
  ].map((rest) => attack('deletion of buckets', `DELETE /${bucket}${rest}`, ON_BUCKETS)),
  attack('deletion of buckets', `DELETE /${bucket}`, { signing: 'unsigned', ...ON_BUCKETS })
])

export const BUCKET_ATTACKS: readonly Attack[] = [
  ...DELETIONS,
  ...BUCKETS.flatMap((bucket) =>
    Object.entries(DOCUMENTS).flatMap(([name, body]) =>
      DISGUISES.flatMap((disguise) => [
        attack('configuration of buckets, read', `GET /${bucket}?${name}${disguise}`, {
          judgedBy: CONSTANTS.has(name) ? 'effect' : 'status'
        }),
        attack('configuration of buckets, written', `PUT /${bucket}?${name}${disguise}`, {
          body: body.replace('{b}', bucket),
          ...ON_BUCKETS
        }),
        attack(
          'configuration of buckets, deleted',
          `DELETE /${bucket}?${name}${disguise}`,
          ON_BUCKETS
        )
      ])
    )
  ),
  attack('configuration of buckets, read', 'HEAD /{their.bucket}', { judgedBy: 'status' }),
  attack('configuration of buckets, read', 'GET /{their.bucket}?location', { judgedBy: 'status' }),
  ...BUCKETS.flatMap((bucket) =>
    READ_ONLY_DOCUMENTS.map((name) =>
      attack('configuration of buckets, read', `GET /${bucket}?${name}`, {
        judgedBy: CONSTANTS.has(name) ? 'effect' : 'status'
      })
    )
  ),
  ...['policy', 'lifecycle', 'cors', 'acl', 'versioning'].flatMap((name) => [
    attack('configuration of buckets, read', `GET /{their.bucket}?${name}`, {
      signing: 'unsigned',
      judgedBy: 'status'
    }),
    attack('configuration of buckets, written', `PUT /{their.bucket}?${name}`, {
      body: DOCUMENTS[name]?.replace('{b}', '{their.bucket}') as string,
      signing: 'unsigned',
      ...ON_BUCKETS
    }),
    attack(
      'configuration of buckets, written',
      `PUT /{own.bucket}/?${name}&prefix={own.mark}object`,
      {
        body: DOCUMENTS[name]?.replace('{b}', '{own.bucket}') as string,
        signing: 'presigned',
        ...ON_BUCKETS
      }
    )
  ]),
  ...BUCKETS.flatMap((bucket) => [
    attack('configuration of buckets, written', `PUT /${bucket}?acl`, {
      headers: { 'x-amz-acl': 'public-read-write' },
      ...ON_BUCKETS
    }),
    attack('configuration of buckets, written', `PUT /${bucket}?acl&prefix={own.mark}object`, {
      headers: { 'x-amz-acl': 'public-read-write' },
      ...ON_BUCKETS
    }),
    attack('creation of buckets', `PUT /${bucket}`, ON_BUCKETS)
  ]),
  attack('creation of buckets', 'PUT /planted-by-{own.namespace}', ON_BUCKETS),
  attack('creation of buckets', 'PUT /planted-by-{own.namespace}/object', {
    body: 'planted',
    ...ON_BUCKETS
  }),
  attack('creation of buckets', 'PUT /planted-by-{own.namespace}', {
    signing: 'unsigned',
    ...ON_BUCKETS
  }),
  // What a browser's form uploads; the policy inside it is the attacker's own.
  ...[
    { key: '{their.mark}object' },
    { key: '/{their.mark}object' },
    { key: '{own.prefix}../{their.namespace}/{mark}object' },
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the store fills this one in
    { key: '{their.mark}${filename}' },
    { key: '{their.mark}object', acl: 'public-read' },
    { key: '{their.mark}object', success_action_status: '201' },
    { Key: '{own.mark}object', key: '{their.mark}object' }
  ].map((form) => attack('upload forms', 'POST /{their.bucket}', { form, signing: 'unsigned' })),
  attack('upload forms', 'POST /{their.bucket}?prefix={own.mark}object', {
    form: { key: '{their.mark}object' },
    signing: 'unsigned'
  }),
  // In a bucket of its own these are no attack; what they upload is removed.
  ...['', '?prefix={own.mark}object'].flatMap((query) =>
    ['{own.bucket}', '{their.bucket}'].map((bucket) =>
      attack('upload forms', `POST /{own.bucket}${query}`, {
        form: { key: '{their.mark}object', bucket },
        signing: 'unsigned',
        loot: '/{own.bucket}/{their.mark}object'
      })
    )
  ),
  attack('upload forms', 'POST /{their.bucket}', {
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n{their.mark}object\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nplanted\r\n--b--\r\n',
    signing: 'unsigned'
  }),
  // Headers in which the store notes for itself who is asking.
  ...[
    { 's3-identity-id': '{their.user}' },
    { 'x-amz-identity-id': '{their.user}' },
    { 's3-is-admin': 'true' },
    { 's3-account-id': 'admin' },
    { 'x-seaweedfs-identity': '{their.user}' },
    { 'x-seaweedfs-principal': 'arn:aws:iam:::user/{their.user}' },
    { 'x-seaweedfs-session-token': 'forged' },
    { 'x-amz-security-token': 'forged' },
    { 'x-forwarded-host': '{their.bucket}' },
    { 'x-forwarded-prefix': '/{their.bucket}' },
    { 'x-http-method-override': 'GET' },
    { 'x-original-url': '/{own.bucket}/{own.mark}object' }
  ].flatMap((headers) =>
    (['header', 'header-loose', 'unsigned'] as const).map((signing) =>
      attack('forged identities', 'GET /{their.bucket}/{their.mark}object', {
        headers: headers as Record<string, string>,
        signing,
        isForged: true
      })
    )
  ),
  ...[
    'AWS4-HMAC-SHA256 Credential={their.keyId}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00',
    'AWS4-HMAC-SHA256 Credential={their.keyId}/, SignedHeaders=, Signature=',
    'AWS {their.keyId}:AAAAAAAAAAAAAAAAAAAAAAAAAAA=',
    'Bearer {their.keyId}',
    'Basic {their.keyId}'
  ].map((authorization) =>
    attack('forged identities', 'GET /{their.bucket}/{their.mark}object', {
      headers: { authorization },
      signing: 'unsigned',
      isForged: true
    })
  )
]
