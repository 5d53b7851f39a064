import { type Attack, attack } from './attack.ts'

/** Of an upload that they have begun. */
const UPLOAD_VERBS: readonly (readonly [line: string, body?: string])[] = [
  ['GET {u}?uploadId={their.upload}'],
  ['PUT {u}?partNumber=1&uploadId={their.upload}', 'planted'],
  ['PUT {u}?partNumber=2&uploadId={their.upload}', 'planted'],
  [
    'POST {u}?uploadId={their.upload}',
    '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"{their.part}"</ETag></Part></CompleteMultipartUpload>'
  ],
  ['DELETE {u}?uploadId={their.upload}']
]

export const UPLOAD_ATTACKS: readonly Attack[] = [
  ...(['header', 'presigned', 'unsigned'] as const).flatMap((signing) =>
    UPLOAD_VERBS.map(([line, body = '']) =>
      attack('their uploads', line.replace('{u}', '/{their.bucket}/{their.mark}upload'), {
        signing,
        body
      })
    )
  ),
  // Their upload under an own key, the own upload under their key, and both at once.
  ...UPLOAD_VERBS.flatMap(([line, body = '']) => [
    attack('confused uploads', line.replace('{u}', '/{own.bucket}/{own.mark}upload'), { body }),
    attack(
      'confused uploads',
      line
        .replace('{u}', '/{their.bucket}/{their.mark}object')
        .replace('{their.upload}', '{own.upload}'),
      { body: body.replace('{their.part}', '{own.part}') }
    ),
    attack(
      'confused uploads',
      `${line.replace('{u}', '/{their.bucket}/{their.mark}upload')}&UploadId={own.upload}`,
      { body }
    ),
    attack(
      'confused uploads',
      `${line.replace('{u}', '/{their.bucket}/{their.mark}upload')}&prefix={own.mark}object`,
      { body }
    ),
    attack(
      'confused uploads',
      line
        .replace('{u}', '/{own.bucket}/{own.mark}upload')
        .replace('{their.upload}', '../{their.upload}'),
      { body }
    )
  ])
]
