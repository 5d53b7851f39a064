import { type Attack, attack } from './attack.ts'

/** What a listing may be asked for that is not the own prefix. */
const PREFIXES: readonly string[] = [
  '',
  'p',
  'private-artifacts',
  'private-artifacts/',
  '/private-artifacts/',
  'private-artifacts/{their.namespace}',
  '{their.prefix}',
  '/{their.prefix}',
  '//{their.prefix}',
  './{their.prefix}',
  '{their.mark}',
  '{their.mark}object',
  '{their.mark}hid',
  'private-artifacts//{their.namespace}/',
  '{own.prefix}../',
  '{own.prefix}../{their.namespace}/',
  '{own.prefix}%2E%2E/{their.namespace}/',
  '{own.prefix}%252E%252E/{their.namespace}/',
  'private-artifacts/{own.namespace}',
  'private-artifacts/{own.namespace}-',
  'private-artifacts/*',
  'private-artifacts/?',
  'PRIVATE-ARTIFACTS/',
  '*',
  '%00'
]

/** Where a listing of the own prefix may be told to begin. */
const MARKERS: readonly string[] = [
  '',
  '!',
  '/',
  'artifacts/',
  'private-artifacts',
  'private-artifacts/!',
  'private-artifacts/{own.namespace}',
  '{own.prefix}',
  '{own.prefix}zzzz',
  '{their.prefix}',
  '{their.mark}',
  '{their.mark}object',
  '{their.prefix}/',
  '/{their.prefix}',
  '{own.prefix}../{their.prefix}'
]
const MARKER_KINDS = ['marker=', 'list-type=2&start-after=', 'list-type=2&continuation-token=']

const LIST_KINDS = ['', 'list-type=2&', 'delimiter=/&', 'list-type=2&delimiter=/&']

export const LISTING_ATTACKS: readonly Attack[] = [
  ...PREFIXES.flatMap((prefix) =>
    LIST_KINDS.map((kind) => attack('listings', `GET /{their.bucket}?${kind}prefix=${prefix}`))
  ),
  ...LIST_KINDS.map((kind) => attack('listings', `GET /{their.bucket}?${kind}max-keys=1000`)),
  ...[
    'list-type=2&fetch-owner=true',
    'list-type=3',
    'encoding-type=url',
    'metadata=true&prefix={their.prefix}',
    'Prefix={their.prefix}',
    'prefix={own.mark}&delimiter=private-artifacts',
    'list-type=2&prefix={their.prefix}&delimiter=o',
    'prefix={own.mark}%00{their.prefix}'
  ].map((query) => attack('listings', `GET /{their.bucket}?${query}`)),
  // Version 2 does not sign the query, so that the order of the two cannot spoil the signature.
  ...[
    'prefix={own.mark}&prefix={their.prefix}',
    'prefix={their.prefix}&prefix={own.mark}',
    'list-type=2&prefix={own.mark}&prefix={their.prefix}',
    'list-type=2&prefix={their.prefix}&prefix={own.mark}'
  ].map((query) => attack('listings', `GET /{their.bucket}?${query}`, { signing: 'header-v2' })),
  ...['', 'list-type=2&'].flatMap((kind) =>
    ['presigned', 'header-v2', 'presigned-v2'].map((signing) =>
      attack('listings', `GET /{their.bucket}?${kind}prefix={their.prefix}`, {
        signing: signing as Attack['signing']
      })
    )
  ),
  ...['', 'delimiter=/&', 'list-type=2&', 'list-type=2&delimiter=/&'].flatMap((kind) =>
    ['', 'private-artifacts/', '{their.prefix}', '{their.mark}', 'artifacts/', 'shared/'].map(
      (prefix) =>
        attack('listings, unsigned', `GET /{their.bucket}?${kind}prefix=${prefix}`, {
          signing: 'unsigned'
        })
    )
  ),
  ...MARKERS.flatMap((marker) =>
    MARKER_KINDS.flatMap((kind) =>
      ['', 'delimiter=/&'].map((delimiter) =>
        attack(
          'list markers',
          `GET /{their.bucket}?${delimiter}prefix={own.prefix}&${kind}${marker}`
        )
      )
    )
  ),
  ...MARKERS.flatMap((marker) =>
    MARKER_KINDS.map((kind) =>
      attack('list markers', `GET /{their.bucket}?delimiter=/&${kind}${marker}`)
    )
  ),
  ...MARKERS.map((marker) =>
    attack('list markers', `GET /{their.bucket}?prefix=artifacts/&marker=${marker}`)
  ),
  ...[
    '',
    '&prefix={own.prefix}',
    '&prefix={own.mark}',
    '&prefix={their.prefix}',
    '&prefix=private-artifacts/'
  ].flatMap((prefix) =>
    ['', '&delimiter=/', '&key-marker={their.prefix}', '&key-marker=!'].flatMap((marker) => [
      attack('listings of versions', `GET /{their.bucket}?versions${prefix}${marker}`),
      attack('listings of uploads', `GET /{their.bucket}?uploads${prefix}${marker}`)
    ])
  ),
  attack('listings of versions', 'GET /{their.bucket}?list-type=2&versions&prefix={their.prefix}'),
  attack(
    'listings of versions',
    'GET /{their.bucket}?versions&prefix={own.prefix}&version-id-marker=0'
  ),
  attack(
    'listings of uploads',
    'GET /{their.bucket}?uploads&prefix={own.prefix}&upload-id-marker={their.upload}&key-marker={their.mark}upload'
  ),
  attack('listings of versions', 'GET /{their.bucket}?versions', { signing: 'unsigned' }),
  attack('listings of uploads', 'GET /{their.bucket}?uploads', { signing: 'unsigned' }),
  attack('listings of buckets', 'GET /'),
  attack('listings of buckets', 'GET /?prefix=profile-'),
  attack('listings of buckets', 'GET /?x-id=ListBuckets'),
  attack('listings of buckets', 'GET /', { signing: 'presigned' }),
  attack('listings of buckets', 'GET /', { signing: 'presigned-v2' }),
  attack('listings of buckets', 'GET /', { signing: 'unsigned' }),
  attack('listings of buckets', 'GET /buckets/'),
  attack('listings of buckets', 'GET /.uploads/'),
  attack('listings of buckets', 'GET /{their.bucket}/.uploads/'),
  attack('listings of buckets', 'GET /{their.bucket}?prefix=.uploads/'),
  attack('listings of buckets', 'GET /{their.bucket}/.uploads/{their.upload}/0001_0.part')
]
