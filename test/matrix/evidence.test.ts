import t from 'tap'
import { leakIn } from '../../src/matrix/evidence.ts'
import { type Answer, requestFrom } from '../../src/matrix/request.ts'
import { answer, ETAG, type Layout, party, refusal, scene } from '../fixtures/matrix.ts'

const REQUEST = requestFrom('GET /bucket/key')
const THEIRS = 'private-artifacts/team-a-2/'
const OWN = 'private-artifacts/team-a/'

function leak(layout: Layout, given: Answer, request = REQUEST) {
  return leakIn(given, request, scene(layout), ETAG)
}

t.test('what stands only in what is theirs is a leak', async (t) => {
  const { accessKey, user } = party('shared', 'team-a-2')
  const md5InBase64 = Buffer.from(ETAG, 'hex').toString('base64')
  const leaks: [what: string, answer: Answer][] = [
    ['the content of their object', answer(200, 'content-word')],
    ['the content of their object', answer(206, 'xx content-word xx')],
    ['the content of their object', answer(403, '<Message>content-word</Message>')],
    ['its metadata', answer(200, '', { 'x-amz-meta-note': 'metadata-word' })],
    ['its tag', answer(200, '<Value>tag-word</Value>')],
    ['its checksum', answer(304, '', { etag: `"${ETAG}"` })],
    ['its checksum, in base64', answer(200, '', { 'content-md5': md5InBase64 })],
    ['its checksum', answer(200, `<ETag>&#34;${ETAG}&#34;</ETag>`)],
    ['the name of their key', answer(200, '<Key>a/hidden-word</Key>')],
    ['the id of their upload', answer(200, '<UploadId>their-upload</UploadId>')],
    ['the id of their access key', answer(200, accessKey.accessKeyId)],
    ['their secret access key', answer(500, accessKey.secretAccessKey)],
    ['the name of their user', answer(200, `<UserName>${user}</UserName>`)]
  ]
  for (const [what, given] of leaks) t.equal(leak('shared', given), what, what)
})

t.test('what the request itself said is no leak', async (t) => {
  const echo = (word: string) => answer(403, `<Resource>${word}</Resource>`)
  const { user } = party('shared', 'team-a-2')
  t.equal(leak('shared', echo('hidden-word'), requestFrom('GET /b/hidden-word')), undefined)
  t.equal(leak('shared', echo('hidden-word'), requestFrom('GET /b/hidden%2Dword')), undefined)
  t.equal(leak('shared', echo(user), requestFrom(`GET /b?user=${user}`)), undefined)
  t.equal(leak('shared', echo('tag-word'), requestFrom('PUT /b/k', {}, 'tag-word')), undefined)
  t.equal(leak('shared', echo('their-upload'), requestFrom('GET /b')), 'the id of their upload')
})

t.test('a refusal gives nothing away', async (t) => {
  t.equal(leak('shared', refusal()), undefined)
  t.equal(leak('per-profile', answer(404)), undefined)
})

function listing(
  bucket: string,
  keys: string[],
  folders: string[] = [],
  kind = 'ListBucketResult'
) {
  const contents = keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('\n')
  const prefixes = folders.map((folder) => `<Prefix>${folder}</Prefix>`).join('')
  return answer(
    200,
    `<${kind} xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><Prefix>asked/</Prefix>${contents}<CommonPrefixes>\n${prefixes}</CommonPrefixes></${kind}>`
  )
}

t.test('a listing of the shared bucket', async (t) => {
  const cases: [what: string, keys: string[], folders: string[], leaked?: string][] = [
    ['nothing', [], []],
    ['own keys', [`${OWN}a`, `${OWN}b/c`], []],
    ['own folders', [], [`${OWN}b/`]],
    ['the own folder', [OWN], []],
    ['the folders above the own one', [], ['private-artifacts/', OWN]],
    ['their key', [`${OWN}a`, `${THEIRS}a`], [], `${THEIRS}a`],
    ['their folder', [], [`${OWN}b/`, THEIRS], THEIRS],
    ['a key beside the folders', ['README'], [], 'README'],
    ['a folder beside the own one', [], ['artifacts/'], 'artifacts/'],
    ['a part of the own folder’s name', [], ['private-artifacts/team'], 'private-artifacts/team'],
    ['a key that leads out of the own folder', [`${OWN}../team-a-2/a`], [], `${THEIRS}a`],
    ['a folder that leads there', [], [`${OWN}../team-a-2/`], THEIRS],
    ['an own key with signs', [`${OWN}100%`, `${OWN}a%2F..%2Fb`], []],
    [
      'a key that only looks like an own one',
      [`private-artifacts%2Fteam-a%2Fb`],
      [],
      `private-artifacts%2Fteam-a%2Fb`
    ]
  ]
  for (const [what, keys, folders, leaked] of cases) {
    const expected = leaked && `that there is a key ${leaked}`
    t.equal(leak('shared', listing('mlpipeline', keys, folders)), expected, what)
  }

  t.test('with encoded names', async (t) => {
    const encoded = (key: string) => {
      const { body } = listing('mlpipeline', [key])
      return answer(200, `${body}<EncodingType>url</EncodingType>`)
    }
    t.equal(leak('shared', encoded('private-artifacts%2Fteam-a%2Fb+c')), undefined)
    const theirs = encoded('private-artifacts%2Fteam-a-2%2Fb+c')
    t.equal(leak('shared', theirs), `that there is a key ${THEIRS}b c`)
  })

  for (const kind of ['ListVersionsResult', 'ListMultipartUploadsResult']) {
    const given = listing('mlpipeline', [`${THEIRS}a`], [], kind)
    t.equal(leak('shared', given), `that there is a key ${THEIRS}a`, kind)
  }
})

t.test(
  'a listing of an own bucket may hold any key, one of their bucket none of theirs',
  async (t) => {
    const { own, their } = scene('per-profile')
    t.equal(leak('per-profile', listing(own.bucket, ['anything', 'at/all'])), undefined)
    const foreign = listing(their.bucket, ['anything'])
    const request = requestFrom(`GET /${their.bucket}`)
    t.equal(leak('per-profile', foreign, request), 'that there is a key anything')
  }
)

t.test('a listing of buckets may hold the own one and no other', async (t) => {
  const { own } = scene('per-profile')
  const buckets = (...names: string[]) =>
    answer(
      200,
      `<ListAllMyBucketsResult xmlns="x"><Buckets>${names.map((name) => `<Bucket><Name>${name}</Name></Bucket>`).join('')}</Buckets></ListAllMyBucketsResult>`
    )
  t.equal(leak('per-profile', buckets()), undefined)
  t.equal(leak('per-profile', buckets(own.bucket)), undefined)
  t.equal(leak('per-profile', buckets(own.bucket, 'other')), 'that there is a bucket other')
})
