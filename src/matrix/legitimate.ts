import type { Signing } from './request.ts'

/** One request of a legitimate case and what must come of it. */
export interface Step {
  readonly line: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signing?: Signing
  readonly status: number
  /** Must be found in the answer's body. */
  readonly answers?: RegExp
  /** Must not be found in the answer's body. */
  readonly omits?: RegExp
  /** Header of the answer that must match. */
  readonly header?: readonly [name: string, value: RegExp]
  /** Keeps the first group under that name: later lines and bodies use it as `{kept.<name>}`. */
  readonly keeps?: Readonly<Record<string, RegExp>>
}

/** What KFP, Argo Workflows, KServe and notebooks do all day; it must work. */
export interface LegitimateCase {
  readonly name: string
  /** Who is known to do this. */
  readonly usedBy: string
  readonly steps: readonly Step[]
}

const OBJECT = '/{own.bucket}/{own.mark}object'
const SCRATCH = '/{own.bucket}/{own.mark}scratch'
const NOT_FOUND = { status: 404, answers: /NoSuchKey/ }

const put = (path: string, body: string, headers?: Record<string, string>): Step => ({
  line: `PUT ${path}`,
  body,
  ...(headers && { headers }),
  status: 200
})
const get = (path: string, answers: RegExp): Step => ({ line: `GET ${path}`, status: 200, answers })
const remove = (path: string): Step => ({ line: `DELETE ${path}`, status: 204 })
const list = (query: string, answers: RegExp, omits?: RegExp): Step => ({
  line: `GET /{own.bucket}?${query}`,
  status: 200,
  answers,
  ...(omits && { omits })
})
const startUpload: Step = {
  line: `POST ${SCRATCH}?uploads`,
  status: 200,
  keeps: { upload: /<UploadId>([^<]+)</ }
}
const uploadPart: Step = {
  line: `PUT ${SCRATCH}?partNumber=1&uploadId={kept.upload}`,
  body: 'a part',
  status: 200,
  keeps: { part: /^etag: "?([0-9a-f]+)/m }
}
const completeUpload: Step = {
  line: `POST ${SCRATCH}?uploadId={kept.upload}`,
  body: '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>"{kept.part}"</ETag></Part></CompleteMultipartUpload>',
  status: 200
}
const abortUpload: Step = { line: `DELETE ${SCRATCH}?uploadId={kept.upload}`, status: 204 }
const tagging = (value: string) =>
  `<Tagging><TagSet><Tag><Key>kind</Key><Value>${value}</Value></Tag></TagSet></Tagging>`

export const LEGITIMATE_CASES: readonly LegitimateCase[] = [
  {
    name: 'put, get and delete an object',
    usedBy: 'KFP launcher',
    steps: [put(SCRATCH, 'made here'), get(SCRATCH, /^made here$/), remove(SCRATCH)]
  },
  {
    name: 'overwrite an object',
    usedBy: 'Argo executor',
    steps: [put(SCRATCH, 'first'), put(SCRATCH, 'second'), get(SCRATCH, /^second$/)]
  },
  {
    name: 'an empty object',
    usedBy: 'KFP launcher',
    steps: [put(SCRATCH, ''), get(SCRATCH, /^$/), remove(SCRATCH)]
  },
  {
    name: 'a key with spaces, signs and other scripts',
    usedBy: 'notebooks',
    steps: [
      put('/{own.bucket}/{own.mark}a%20b%2Bc%26d%C3%A4', 'odd'),
      get('/{own.bucket}/{own.mark}a%20b%2Bc%26d%C3%A4', /^odd$/),
      remove('/{own.bucket}/{own.mark}a%20b%2Bc%26d%C3%A4')
    ]
  },
  {
    name: 'a key deep in folders',
    usedBy: 'KFP launcher',
    steps: [
      put('/{own.bucket}/{own.mark}a/b/c/d/e', 'deep'),
      get('/{own.bucket}/{own.mark}a/b/c/d/e', /^deep$/),
      remove('/{own.bucket}/{own.mark}a/b/c/d/e')
    ]
  },
  {
    name: 'an object with metadata and a type',
    usedBy: 'notebooks',
    steps: [
      put(SCRATCH, '{}', { 'content-type': 'application/json', 'x-amz-meta-run': 'seven' }),
      { line: `HEAD ${SCRATCH}`, status: 200, header: ['x-amz-meta-run', /^seven$/] }
    ]
  },
  {
    name: 'an object with a storage class and a cache rule',
    usedBy: 'notebooks',
    steps: [put(SCRATCH, 'x', { 'x-amz-storage-class': 'STANDARD', 'cache-control': 'no-store' })]
  },
  {
    name: 'an object whose body is not signed',
    usedBy: 'boto3 over TLS, minio-go',
    steps: [put(SCRATCH, 'loose', { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' })]
  },
  {
    name: 'a missing object is missing, not forbidden',
    usedBy: 'KFP launcher, Argo executor',
    steps: [
      { line: 'GET /{own.bucket}/{own.mark}missing', ...NOT_FOUND },
      { line: 'HEAD /{own.bucket}/{own.mark}missing', status: 404 }
    ]
  },
  {
    name: 'deleting a missing object is no error',
    usedBy: 'Argo garbage collection',
    steps: [remove('/{own.bucket}/{own.mark}missing')]
  },
  {
    name: 'a range of an object',
    usedBy: 'parquet readers',
    steps: [
      put(SCRATCH, 'abcdefgh'),
      {
        line: `GET ${SCRATCH}`,
        headers: { range: 'bytes=2-4' },
        status: 206,
        answers: /^cde$/
      }
    ]
  },
  {
    name: 'the end of an object',
    usedBy: 'parquet readers',
    steps: [
      put(SCRATCH, 'abcdefgh'),
      { line: `GET ${SCRATCH}`, headers: { range: 'bytes=-2' }, status: 206, answers: /^gh$/ }
    ]
  },
  {
    name: 'HEAD of an object',
    usedBy: 'minio-go, KServe',
    steps: [{ line: `HEAD ${OBJECT}`, status: 200, header: ['content-length', /^[1-9]/] }]
  },
  {
    name: 'a read on condition',
    usedBy: 'caches of notebooks',
    steps: [
      { line: `HEAD ${OBJECT}`, status: 200, keeps: { etag: /^etag: "?([0-9a-f]+)/m } },
      {
        line: `GET ${OBJECT}`,
        headers: { 'if-none-match': '"{kept.etag}"' },
        status: 304
      }
    ]
  },
  {
    name: 'delete several objects at once',
    usedBy: 'Argo garbage collection, KFP UI',
    steps: [
      put(`${SCRATCH}-1`, '1'),
      put(`${SCRATCH}-2`, '2'),
      {
        line: 'POST /{own.bucket}?delete',
        body: '<Delete><Object><Key>{own.mark}scratch-1</Key></Object><Object><Key>{own.mark}scratch-2</Key></Object></Delete>',
        status: 200,
        answers: /<Deleted>/,
        omits: /<Error>/
      },
      { line: `GET ${SCRATCH}-1`, ...NOT_FOUND },
      { line: `GET ${SCRATCH}-2`, ...NOT_FOUND }
    ]
  },
  {
    name: 'upload in parts',
    usedBy: 'KFP launcher, Argo executor',
    steps: [startUpload, uploadPart, completeUpload, get(SCRATCH, /^a part$/)]
  },
  {
    name: 'list the parts of an upload',
    usedBy: 'minio-go, boto3 retries',
    steps: [
      startUpload,
      uploadPart,
      {
        line: `GET ${SCRATCH}?uploadId={kept.upload}`,
        status: 200,
        answers: /<PartNumber>1</
      },
      abortUpload
    ]
  },
  {
    name: 'abort an upload',
    usedBy: 'Argo executor',
    steps: [startUpload, uploadPart, abortUpload]
  },
  {
    name: 'copy an object inside the own prefix',
    usedBy: 'KFP launcher, notebooks',
    steps: [
      put(SCRATCH, 'to be copied'),
      {
        ...put(`${SCRATCH}-copy`, '', { 'x-amz-copy-source': SCRATCH }),
        answers: /<CopyObjectResult/
      },
      get(`${SCRATCH}-copy`, /^to be copied$/),
      remove(`${SCRATCH}-copy`)
    ]
  },
  {
    name: 'copy a part inside the own prefix',
    usedBy: 'boto3 transfer of large objects',
    steps: [
      put(`${SCRATCH}-source`, 'a part to be copied'),
      startUpload,
      {
        line: `PUT ${SCRATCH}?partNumber=1&uploadId={kept.upload}`,
        headers: { 'x-amz-copy-source': `${SCRATCH}-source` },
        status: 200,
        answers: /<CopyPartResult/
      },
      abortUpload,
      remove(`${SCRATCH}-source`)
    ]
  },
  {
    name: 'list the own prefix, version 1',
    usedBy: 'minio-go',
    steps: [list('prefix={own.mark}', /<Key>{own.mark}object</)]
  },
  {
    name: 'list the own prefix, version 2',
    usedBy: 'KFP launcher, Argo executor',
    steps: [list('list-type=2&prefix={own.mark}', /<Key>{own.mark}object</)]
  },
  {
    name: 'list folders with a delimiter, version 1',
    usedBy: 'KFP UI, minio-go',
    steps: [
      put(`${SCRATCH}-folder/leaf`, 'x'),
      list('prefix={own.mark}&delimiter=/', /<Prefix>{own.mark}scratch-folder\/</, /leaf</),
      remove(`${SCRATCH}-folder/leaf`)
    ]
  },
  {
    name: 'list folders with a delimiter, version 2',
    usedBy: 'notebooks',
    steps: [
      put(`${SCRATCH}-folder/leaf`, 'x'),
      list(
        'list-type=2&prefix={own.mark}&delimiter=/',
        /<Prefix>{own.mark}scratch-folder\/</,
        /leaf</
      ),
      remove(`${SCRATCH}-folder/leaf`)
    ]
  },
  {
    name: 'list in pages, version 1',
    usedBy: 'minio-go',
    steps: [
      put(`${SCRATCH}-1`, '1'),
      list('prefix={own.mark}&max-keys=1', /<IsTruncated>true</),
      list('prefix={own.mark}&marker={own.mark}object', /scratch-1</, /<Key>{own.mark}object</)
    ]
  },
  {
    name: 'list in pages, version 2',
    usedBy: 'KFP launcher',
    steps: [
      put(`${SCRATCH}-1`, '1'),
      {
        ...list('list-type=2&prefix={own.mark}&max-keys=1', /<IsTruncated>true</),
        keeps: { token: /<NextContinuationToken>([^<]+)</ }
      },
      list('list-type=2&prefix={own.mark}&continuation-token={kept.token}', /scratch-1</),
      list('list-type=2&prefix={own.mark}&start-after={own.mark}object', /scratch-1</),
      remove(`${SCRATCH}-1`)
    ]
  },
  {
    name: 'list with encoded names',
    usedBy: 'boto3',
    steps: [list('list-type=2&prefix={own.mark}&encoding-type=url', /object</)]
  },
  {
    name: 'list below the own prefix that does not exist',
    usedBy: 'KServe, notebooks',
    steps: [list('list-type=2&prefix={own.prefix}missing/', /<KeyCount>0</)]
  },
  {
    name: 'HEAD of the own bucket',
    usedBy: 'KServe storage initializer, minio-go',
    steps: [{ line: 'HEAD /{own.bucket}', status: 200 }]
  },
  {
    name: 'the region of the own bucket',
    usedBy: 'minio-go, Argo executor',
    steps: [{ line: 'GET /{own.bucket}?location', status: 200, answers: /LocationConstraint/ }]
  },
  {
    name: 'tags of an object',
    usedBy: 'notebooks, lifecycle rules by tag',
    steps: [
      put(SCRATCH, 'tagged'),
      { line: `PUT ${SCRATCH}?tagging`, body: tagging('model'), status: 200 },
      { line: `GET ${SCRATCH}?tagging`, status: 200, answers: /model/ },
      { line: `DELETE ${SCRATCH}?tagging`, status: 204 }
    ]
  },
  {
    name: 'an object that is put with its tags',
    usedBy: 'Argo executor',
    steps: [
      put(SCRATCH, 'tagged', { 'x-amz-tagging': 'kind=model' }),
      { line: `GET ${SCRATCH}?tagging`, status: 200, answers: /model/ }
    ]
  },
  {
    name: 'a presigned GET',
    usedBy: 'KFP UI, model servers',
    steps: [put(SCRATCH, 'shown'), { ...get(SCRATCH, /^shown$/), signing: 'presigned' }]
  },
  {
    name: 'a presigned PUT',
    usedBy: 'browsers of notebooks',
    steps: [
      { ...put(SCRATCH, 'handed in'), signing: 'presigned' },
      get(SCRATCH, /^handed in$/),
      remove(SCRATCH)
    ]
  },
  {
    name: 'a presigned listing',
    usedBy: 'dashboards',
    steps: [{ ...list('list-type=2&prefix={own.mark}', /object</), signing: 'presigned' }]
  }
]
