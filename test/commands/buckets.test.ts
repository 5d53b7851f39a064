import t from 'tap'
import { buildAdminClient } from '../../src/commands/admin-client.ts'
import { contentsOf, listBuckets } from '../../src/commands/buckets.ts'
import { budget } from '../fixtures/builders.ts'
import { failureOf, ok, type StubAnswer, s3Error, startStubStore } from '../fixtures/stub-store.ts'

function listing(objects: { Size?: number; LastModified?: string }[], isTruncated = false) {
  const fields = objects.map((object) =>
    Object.entries({ Key: 'k', ...object }).map(([name, value]) => `<${name}>${value}</${name}>`)
  )
  const contents = fields.map((object) => `<Contents>${object.join('')}</Contents>`).join('')
  return ok(
    `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${contents}</ListBucketResult>`
  )
}

t.test('contentsOf', async (t) => {
  const [early, late] = ['2026-01-31T12:00:00.000Z', '2026-02-01T12:00:00.000Z']
  const one = (Size: number) => [{ Size, LastModified: early }]
  const table: [what: string, answer: StubAnswer, isEmpty: boolean, contents: string][] = [
    ['nothing', listing([]), true, 'no objects'],
    ['a bucket that went', s3Error(404, 'NoSuchBucket'), true, 'no objects'],
    ['one object', listing(one(999)), false, `1 object, 999 B, newest ${early}`],
    [
      'several',
      listing([{ Size: 1_000_000, LastModified: late }, ...one(250_000)]),
      false,
      `2 objects, 1.3 MB, newest ${late}`
    ],
    ['very large ones', listing(one(2e15)), false, `1 object, 2000.0 TB, newest ${early}`],
    ['more than a page', listing(one(1000), true), false, 'more than 1 object, more than 1.0 kB'],
    ['an odd answer', listing([{}]), false, '1 object, 0 B, newest 1970-01-01T00:00:00.000Z']
  ]
  for (const [what, answer, isEmpty, contents] of table) {
    const { settings } = await startStubStore(t, { 'GET /team-a?list-type': answer })
    const admin = buildAdminClient(settings)
    t.same(await contentsOf(admin, 'team-a', budget()), { isEmpty, contents }, what)
  }
})

t.test('a bucket that the admin may not see is an error', async (t) => {
  const { settings } = await startStubStore(t, { otherwise: s3Error(403, 'AccessDenied') })
  t.match(
    await failureOf(contentsOf(buildAdminClient(settings), 'team-a', budget())),
    /^502 S3P_STORE_REJECTED: Object store refused looking into bucket team-a for profile team-a: /
  )
})

t.test('listBuckets', async (t) => {
  const bucket = (name: string, date: string) => `<Bucket><Name>${name}</Name>${date}</Bucket>`
  const date = '<CreationDate>2026-01-31T12:00:00.500Z</CreationDate>'
  const page = (buckets: string, token = '') =>
    ok(`<ListAllMyBucketsResult><Buckets>${buckets}</Buckets>${token}</ListAllMyBucketsResult>`)
  const token = '<ContinuationToken>more</ContinuationToken>'
  const { settings } = await startStubStore(t, {
    'GET /': page(bucket('a', date), token),
    'GET /?continuation-token': page(bucket('b', '')),
    otherwise: page('')
  })
  t.same(await listBuckets(buildAdminClient(settings), budget()), [
    { name: 'a', createdAt: Date.parse('2026-01-31T12:00:00Z') / 1000 },
    { name: 'b', createdAt: undefined }
  ])
  const empty = await startStubStore(t, { otherwise: ok('<ListAllMyBucketsResult/>') })
  t.same(await listBuckets(buildAdminClient(empty.settings), budget()), [])
  const denied = await startStubStore(t, { otherwise: s3Error(403, 'AccessDenied') })
  t.match(
    await failureOf(listBuckets(buildAdminClient(denied.settings), budget())),
    /^502 S3P_STORE_REJECTED: Object store refused listing the buckets for profile team-a: /
  )
})
