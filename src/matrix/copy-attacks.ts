import { type Attack, attack } from './attack.ts'

/** Where a copy may claim to come from. */
const COPY_SOURCES: readonly string[] = [
  '/{their.bucket}/{their.mark}object',
  '{their.bucket}/{their.mark}object',
  '//{their.bucket}/{their.mark}object',
  '/{their.bucket}//{their.mark}object',
  '/{their.bucket}/%2F{their.mark}object',
  '/{their.bucket}/{their.mark}object?versionId=null',
  '{their.bucket}%2F{their.mark}object',
  '%2F{their.bucket}%2F{their.mark}object',
  '/{their.bucket}/{own.prefix}../{their.namespace}/{mark}object',
  '/{their.bucket}/{own.prefix}%2E%2E/{their.namespace}/{mark}object',
  '/{their.bucket}/{own.prefix}..%2F{their.namespace}/{mark}object',
  '/{own.bucket}/../{their.bucket}/{their.mark}object',
  '/{own.bucket}/%2E%2E/{their.bucket}/{their.mark}object',
  '/{own.bucket}/{own.prefix}../../../{their.bucket}/{their.mark}object',
  '/buckets/{their.bucket}/{their.mark}object',
  'http://127.0.0.1:8888/buckets/{their.bucket}/{their.mark}object',
  'arn:aws:s3:::{their.bucket}/{their.mark}object'
]

export const COPY_ATTACKS: readonly Attack[] = [
  ...COPY_SOURCES.flatMap((source) => [
    attack('copy sources', 'PUT /{own.bucket}/{own.mark}loot', {
      headers: { 'x-amz-copy-source': source },
      loot: '/{own.bucket}/{own.mark}loot'
    }),
    attack(
      'copy sources of parts',
      'PUT /{own.bucket}/{own.mark}upload?partNumber=3&uploadId={own.upload}',
      {
        headers: { 'x-amz-copy-source': source }
      }
    )
  ]),
  attack('copy sources', 'PUT /{own.bucket}/{own.mark}loot', {
    headers: {
      'x-amz-copy-source': '/{their.bucket}/{their.mark}object',
      'x-amz-metadata-directive': 'REPLACE'
    },
    loot: '/{own.bucket}/{own.mark}loot'
  }),
  attack('copy sources', 'PUT /{own.bucket}/{own.mark}loot', {
    headers: { 'x-amz-copy-source': '/{their.bucket}/{their.mark}object' },
    signing: 'presigned',
    loot: '/{own.bucket}/{own.mark}loot'
  }),
  attack('copy sources', 'PUT /{own.bucket}/{own.mark}loot?renameObject', {
    headers: { 'x-amz-rename-source': '/{their.bucket}/{their.mark}object' },
    loot: '/{own.bucket}/{own.mark}loot'
  }),
  attack('copy targets', 'PUT /{their.bucket}/{their.mark}object', {
    headers: { 'x-amz-copy-source': '/{own.bucket}/{own.mark}object' }
  }),
  attack('copy targets', 'PUT /{their.bucket}/{their.mark}object', {
    headers: {
      'x-amz-copy-source': '/{their.bucket}/{their.mark}object',
      'x-amz-metadata-directive': 'REPLACE',
      'x-amz-meta-note': 'planted'
    }
  }),
  attack(
    'copy targets',
    'PUT /{their.bucket}/{their.mark}upload?partNumber=1&uploadId={their.upload}',
    {
      headers: { 'x-amz-copy-source': '/{own.bucket}/{own.mark}object' }
    }
  )
]
