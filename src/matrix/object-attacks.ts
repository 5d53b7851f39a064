import { type Attack, attack } from './attack.ts'
import { OPEN_AREAS } from './scene.ts'

/** Where objects can be locked, a success would stay for good: `verify` leaves it out. */
const NOT_REMOVABLE = { risk: 'buckets' } as const

/** Everything that can be asked of one object; `{o}` stands for its path. */
const OBJECT_VERBS: readonly (readonly [line: string, rest?: Partial<Attack>])[] = [
  ['GET {o}'],
  ['GET {o}', { headers: { range: 'bytes=0-' } }],
  ['GET {o}', { headers: { 'if-match': '*' } }],
  ['GET {o}', { headers: { 'if-none-match': '*' }, judgedBy: 'status' }],
  ['GET {o}?partNumber=1'],
  ['GET {o}?versionId=null'],
  ['GET {o}?tagging'],
  ['GET {o}?acl', { judgedBy: 'status' }],
  ['GET {o}?attributes', { headers: { 'x-amz-object-attributes': 'ETag,ObjectSize' } }],
  ['GET {o}?retention', { judgedBy: 'denial' }],
  ['GET {o}?legal-hold', { judgedBy: 'denial' }],
  ['GET {o}?torrent'],
  ['GET {o}?response-content-type=text/html'],
  ['HEAD {o}', { judgedBy: 'status' }],
  ['HEAD {o}?partNumber=1', { judgedBy: 'status' }],
  ['HEAD {o}?versionId=null', { judgedBy: 'status' }],
  ['PUT {o}', { body: 'planted' }],
  ['PUT {o}', { body: 'planted', headers: { 'x-amz-acl': 'public-read' } }],
  ['PUT {o}', { body: 'planted', headers: { 'x-amz-tagging': 'planted=yes' } }],
  ['PUT {o}', { body: 'planted', headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }],
  [
    'PUT {o}',
    {
      body: '7;chunk-signature=0\r\nplanted\r\n0;chunk-signature=0\r\n\r\n',
      headers: {
        'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        'content-encoding': 'aws-chunked',
        'x-amz-decoded-content-length': '7'
      },
      isForged: true
    }
  ],
  [
    'PUT {o}',
    {
      body: '7\r\nplanted\r\n0\r\nx-amz-checksum-crc32:cDTklg==\r\n\r\n',
      headers: {
        'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        'x-amz-trailer': 'x-amz-checksum-crc32',
        'content-encoding': 'aws-chunked',
        'x-amz-decoded-content-length': '7'
      }
    }
  ],
  ['PUT {o}-folder/', { body: '' }],
  ['PUT {o}?append', { body: 'planted' }],
  [
    'PUT {o}?tagging',
    {
      body: '<Tagging><TagSet><Tag><Key>planted</Key><Value>yes</Value></Tag></TagSet></Tagging>'
    }
  ],
  ['PUT {o}?acl', { headers: { 'x-amz-acl': 'public-read' }, judgedBy: 'status' }],
  [
    'PUT {o}?retention',
    {
      body: '<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>',
      judgedBy: 'denial',
      ...NOT_REMOVABLE
    }
  ],
  [
    'PUT {o}?legal-hold',
    { body: '<LegalHold><Status>ON</Status></LegalHold>', judgedBy: 'denial', ...NOT_REMOVABLE }
  ],
  [
    'PUT {o}?renameObject',
    { headers: { 'x-amz-rename-source': '/{own.bucket}/{own.mark}object' } }
  ],
  ['DELETE {o}'],
  ['DELETE {o}?tagging'],
  ['DELETE {o}?versionId=null'],
  ['DELETE {o}', { headers: { 'x-amz-bypass-governance-retention': 'true' } }],
  ['POST {o}?uploads', { judgedBy: 'status' }],
  ['POST {o}?restore', { body: '<RestoreRequest><Days>1</Days></RestoreRequest>' }],
  [
    'POST {o}?select&select-type=2',
    {
      body: '<SelectObjectContentRequest><Expression>select * from s3object</Expression></SelectObjectContentRequest>'
    }
  ]
]

/** The same key in other words: whatever the store takes for the same, the policy must refuse. */
const SPELLINGS: readonly string[] = [
  '/{their.bucket}//{their.mark}object',
  '/{their.bucket}///{their.mark}object',
  '//{their.bucket}/{their.mark}object',
  '/{their.bucket}/./{their.mark}object',
  '/{their.bucket}/%2E/{their.mark}object',
  '/{their.bucket}/%2F{their.mark}object',
  '/{their.bucket}/{own.prefix}../{their.namespace}/{mark}object',
  '/{their.bucket}/{own.prefix}%2E%2E/{their.namespace}/{mark}object',
  '/{their.bucket}/{own.prefix}..%2F{their.namespace}/{mark}object',
  '/{their.bucket}/{own.prefix}%2e%2e%2f{their.namespace}%2f{mark}object',
  '/{their.bucket}/{own.prefix}%252E%252E/{their.namespace}/{mark}object',
  '/{their.bucket}/{own.prefix}..%5C{their.namespace}%5C{mark}object',
  '/{their.bucket}/{own.prefix}../../{their.mark}object',
  '/{their.bucket}/{own.prefix}/../{their.namespace}/{mark}object',
  '/{their.bucket}/{own.mark}../../../../{their.namespace}/{mark}object',
  '/{their.bucket}/{own.prefix}%00/../{their.namespace}/{mark}object',
  '/{their.bucket}/private-artifacts//{their.namespace}/{mark}object',
  '/{their.bucket}/private-artifacts%2F{their.namespace}%2F{mark}object',
  '/{their.bucket}/private-artifacts/*/{mark}object',
  '/{their.bucket}/private-artifacts/%3F/../{their.namespace}/{mark}object',
  '/{their.bucket}/PRIVATE-ARTIFACTS/{their.namespace}/{mark}object',
  '/{their.bucket}/{their.mark}object/',
  '/{their.bucket}/{their.mark}object%00',
  '/{their.bucket}/{their.mark}object%20',
  '/{their.bucket}/{their.mark}object.',
  '/{their.bucket}/{their.mark}folder/../object',
  '/{own.bucket}/../{their.bucket}/{their.mark}object',
  '/{own.bucket}/%2E%2E/{their.bucket}/{their.mark}object',
  '/{own.bucket}%2F..%2F{their.bucket}/{their.mark}object',
  '/{own.bucket}/{own.prefix}../../../{their.bucket}/{their.mark}object',
  '/buckets/{their.bucket}/{their.mark}object',
  '/{own.bucket}/buckets/{their.bucket}/{their.mark}object'
]

export const OBJECT_ATTACKS: readonly Attack[] = [
  ...OBJECT_VERBS.flatMap(([line, rest]) => {
    const path = line.replace('{o}', '/{their.bucket}/{their.mark}object')
    const isForged = rest?.isForged ?? false
    return [
      attack('their objects', path, rest),
      // A presigned URL promises nothing about the body, so chunks are not signed there.
      ...(isForged
        ? []
        : [attack('their objects, presigned', path, { ...rest, signing: 'presigned' })]),
      attack('objects, unsigned', path, { ...rest, signing: 'unsigned' })
    ]
  }),
  // Some of these may be own keys, in a bucket of the own: then only effects tell.
  ...SPELLINGS.flatMap((path) => [
    ...['GET', 'HEAD', 'DELETE'].map((method) =>
      attack('spellings of their keys', `${method} ${path}`)
    ),
    attack('spellings of their keys', `PUT ${path}`, {
      body: 'planted',
      risk: /^\/\{(own|their)\.bucket\}\//.test(path) ? 'none' : 'buckets'
    })
  ]),
  ...['GET', 'PUT', 'DELETE'].map((method) =>
    attack('spellings of their keys', `${method} /{their.mark}object`, {
      headers: { host: '{their.bucket}.localhost' },
      // Where hosts do not name buckets, a success makes a bucket of the path's first word.
      ...(method === 'PUT' && { body: 'planted', risk: 'buckets' })
    })
  ),
  ...['GET {o}', 'PUT {o}', 'DELETE {o}'].flatMap((line) =>
    (['header-v2', 'presigned-v2'] as const).map((signing) =>
      attack('signatures of version 2', line.replace('{o}', '/{their.bucket}/{their.mark}object'), {
        signing,
        ...(line.startsWith('PUT') && { body: 'planted' })
      })
    )
  ),
  ...[
    '{their.mark}object',
    '/{their.mark}object',
    '{own.prefix}../{their.namespace}/{mark}object',
    '{own.prefix}/../{their.namespace}/{mark}object',
    'private-artifacts//{their.namespace}/{mark}object'
  ].flatMap((key) =>
    [
      `<Delete><Object><Key>${key}</Key></Object></Delete>`,
      `<Delete><Quiet>true</Quiet><Object><Key>{own.mark}missing</Key></Object><Object><Key>${key}</Key></Object></Delete>`
    ].map((body) => attack('batch deletion', 'POST /{their.bucket}?delete', { body }))
  ),
  attack('batch deletion', 'POST /{their.bucket}?delete&prefix={own.mark}object', {
    body: '<Delete><Object><Key>{their.mark}object</Key></Object></Delete>'
  }),
  attack('batch deletion', 'POST /{their.bucket}/{own.mark}object?delete', {
    body: '<Delete><Object><Key>{their.mark}object</Key></Object></Delete>'
  }),
  attack('batch deletion', 'POST /{their.bucket}?delete', {
    body: '<Delete><Object><Key>{their.mark}object</Key></Object></Delete>',
    signing: 'unsigned'
  }),
  ...OPEN_AREAS.flatMap((area) => [
    attack('shared areas', `PUT /{common}/${area}{mark}planted`, { body: 'planted' }),
    attack('shared areas', `GET /{common}/${area}{mark}object`),
    attack('shared areas', `DELETE /{common}/${area}{mark}object`),
    attack('shared areas', `GET /{common}?prefix=${area}`),
    attack('shared areas', `GET /{common}?list-type=2&prefix=${area}{mark}`),
    attack('shared areas', `GET /{common}?prefix=${area}`, { signing: 'unsigned' })
  ])
]
