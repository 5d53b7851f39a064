import { S3Client } from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import { BucketContents } from '../../src/object-store/bucket-contents.ts'
import { standstillOf } from '../../src/object-store/removal.ts'
import {
  ok,
  type Script,
  type StubAnswer,
  s3Error,
  startStubStore
} from '../fixtures/stub-store.ts'

const OBJECTS = 'GET /bucket-a?encoding-type&list-type&max-keys'
const MORE_OBJECTS = 'GET /bucket-a?continuation-token&encoding-type&list-type&max-keys'
const FOLDERS = 'GET /bucket-a?delimiter&encoding-type&list-type&prefix'
const VERSIONS = 'GET /bucket-a?max-keys&versions'
const MORE_VERSIONS = 'GET /bucket-a?key-marker&max-keys&version-id-marker&versions'
const UPLOADS = 'GET /bucket-a?max-uploads&uploads'
const DELETE = 'POST /bucket-a?delete'
const NOTHING = ok('<Result/>')
const UNVERSIONED = { 'GET /bucket-a?versioning': NOTHING }
const VERSIONED = {
  'GET /bucket-a?versioning': ok('<V><Status>Suspended</Status></V>')
}
/** What an empty bucket answers. */
const EMPTY: Script = {
  ...UNVERSIONED,
  [OBJECTS]: NOTHING,
  [VERSIONS]: NOTHING,
  [UPLOADS]: NOTHING,
  [FOLDERS]: NOTHING,
  [DELETE]: NOTHING
}

function objects(...keys: string[]): StubAnswer {
  return ok(`<R>${keys.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('')}</R>`)
}

function folders(...prefixes: string[]): StubAnswer {
  const texts = prefixes.map(
    (prefix) => `<CommonPrefixes><Prefix>${prefix}</Prefix></CommonPrefixes>`
  )
  return ok(`<R>${texts.join('')}</R>`)
}

function versions(...ids: string[]): StubAnswer {
  return ok(`<R>${ids.map(versionText).join('')}</R>`)
}

/** `key@id`, of a delete marker `key@id!`. */
function versionText(text: string): string {
  const [, key, id, isMarker] = /^(.*)@(\w+)(!?)$/.exec(text) ?? []
  const element = isMarker ? 'DeleteMarker' : 'Version'
  return `<${element}><Key>${key}</Key><VersionId>${id}</VersionId></${element}>`
}

async function contentsOn(t: Test, script: Script) {
  const stub = await startStubStore(t, { ...EMPTY, ...script })
  const { s3Endpoint, region, credentials } = stub.settings
  const client = new S3Client({
    endpoint: s3Endpoint,
    region,
    credentials: { ...credentials },
    forcePathStyle: true,
    maxAttempts: 1
  })
  const { signal } = new AbortController()
  const contents = new BucketContents(client, 'bucket-a', { abortSignal: signal })
  /** The keys of every removal, in order, with their versions. */
  const deleted = () =>
    stub.requests
      .filter(({ operation }) => operation === DELETE)
      .map(({ body }) =>
        [...body.matchAll(/<Key>(.*?)<\/Key>(?:<VersionId>(.*?)<\/VersionId>)?/g)].map(
          ([, key, id]) => (id === undefined ? key : `${key}@${id}`)
        )
      )
  return { stub, contents, deleted }
}

const never = () => false
t.test('remove', async (t) => {
  t.test('finds nothing in an empty bucket', async (t) => {
    const { stub, contents } = await contentsOn(t, {})
    t.strictSame(await contents.remove(never), {
      removed: 0,
      isDone: true,
      left: [],
      refusal: undefined
    })
    t.notOk(stub.operations().some((operation) => !operation.startsWith('GET ')))
  })

  t.test('removes page by page and looks again until nothing is left', async (t) => {
    const next = '<NextContinuationToken>b</NextContinuationToken><IsTruncated>true</IsTruncated>'
    const first = ok(String(objects('a', 'b').body).replace('</R>', `${next}</R>`))
    const { contents, deleted } = await contentsOn(t, {
      [OBJECTS]: [first, objects('overlooked'), NOTHING],
      [MORE_OBJECTS]: objects('c')
    })
    t.match(await contents.remove(never), { removed: 4, isDone: true })
    t.strictSame(deleted(), [['a', 'b'], ['c'], ['overlooked']])
  })

  t.test('takes the names as they are', async (t) => {
    const { stub, contents, deleted } = await contentsOn(t, {
      [OBJECTS]: [objects('with+space', 'plus%2B', '%C3%BC', 'ctl%01', 'cr%0D'), NOTHING],
      'DELETE /bucket-a/ctl%01': { status: 204 },
      'DELETE /bucket-a/cr%0D': { status: 204 }
    })
    t.match(await contents.remove(never), { removed: 5, isDone: true })
    t.strictSame(deleted(), [['with space', 'plus+', 'ü']])
    t.ok(stub.request('DELETE /bucket-a/ctl%01'), 'what XML cannot carry goes by its path')
    t.ok(stub.request('DELETE /bucket-a/cr%0D'))
  })

  t.test('removes every version, and counts no delete marker as left', async (t) => {
    const truncated = '<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>'
    const first = ok(
      String(versions('a@1', 'a@2!').body).replace(
        '</R>',
        `${truncated}<NextVersionIdMarker>2</NextVersionIdMarker></R>`
      )
    )
    const { contents, deleted } = await contentsOn(t, {
      ...VERSIONED,
      [VERSIONS]: [first, versions('m@null!')],
      [MORE_VERSIONS]: versions('dir/b@null')
    })
    t.match(await contents.remove(never), { removed: 4, isDone: true, left: [] })
    t.strictSame(deleted(), [['a@1', 'a@2'], ['dir/b@null'], ['m@null']])
  })

  t.test('says what is left after its removal', async (t) => {
    const { contents } = await contentsOn(t, {
      ...VERSIONED,
      [VERSIONS]: versions('ctl\ufffd@1', 'ctl\ufffd@2!')
    })
    t.match(await contents.remove(never), { isDone: false, left: ['ctl\ufffd'] })
  })

  t.test('goes on when the store keeps some, and says why', async (t) => {
    const refused = '<Error><Key>kept</Key><Code>AccessDenied</Code><Message>No.</Message></Error>'
    const { contents, deleted } = await contentsOn(t, {
      [OBJECTS]: [objects('kept', 'free'), objects('kept', 'late'), objects('kept')],
      [DELETE]: [ok(`<R>${refused}</R>`), NOTHING]
    })
    t.strictSame(await contents.remove(never), {
      removed: 2,
      isDone: false,
      left: ['kept'],
      refusal: { key: 'kept', code: 'AccessDenied', message: 'No.' }
    })
    t.strictSame(deleted(), [['kept', 'free'], ['late']])
  })

  t.test('understands an error that says nothing', async (t) => {
    const { contents } = await contentsOn(t, {
      [OBJECTS]: objects('kept'),
      [DELETE]: ok('<R><Error/></R>')
    })
    t.match(await contents.remove(never), { refusal: { key: '', code: '', message: '' } })
  })

  t.test(
    'takes the folders with their objects, deepest first, but not those to come',
    async (t) => {
      const { contents, deleted } = await contentsOn(t, {
        [OBJECTS]: [objects('a/b/c/1', 'a/b/2', 'a/d/3', 'a/d/4'), NOTHING]
      })
      t.match(await contents.remove(never), { removed: 4, isDone: true })
      t.strictSame(deleted(), [
        ['a/b/c/1', 'a/b/2', 'a/d/3', 'a/d/4'],
        ['a/b/c/', 'a/b/']
      ])
    }
  )

  t.test('asks for no more than a thousand at once', async (t) => {
    const deep = `${'d/'.repeat(1_200)}x`
    const { contents, deleted } = await contentsOn(t, { [OBJECTS]: [objects(deep, 'z'), NOTHING] })
    t.match(await contents.remove(never), { removed: 2 })
    t.strictSame(
      deleted().map(({ length }) => length),
      [2, 1_000, 200]
    )
  })

  t.test('removes folders that are left, those in others first', async (t) => {
    const { contents, deleted } = await contentsOn(t, {
      [FOLDERS]: [
        ...[folders('a/', 'with+space/'), folders('a/')],
        // Below a/, and again when nothing is left there.
        ...[folders('a/b/'), NOTHING, NOTHING],
        NOTHING
      ]
    })
    t.match(await contents.remove(never), { removed: 0, isDone: true })
    t.strictSame(deleted(), [['a/', 'with space/'], ['a/b/'], ['a/']])
  })

  t.test('adds no marker for a folder where there are versions', async (t) => {
    const { contents, deleted } = await contentsOn(t, {
      ...VERSIONED,
      [FOLDERS]: [folders('a/'), NOTHING]
    })
    await contents.remove(never)
    t.strictSame(deleted(), [['a/@null']])
  })

  t.test('does not turn round and round about a folder that stays', async (t) => {
    const { contents } = await contentsOn(t, {
      [FOLDERS]: [folders('a/'), folders('a/'), NOTHING, folders('a/')]
    })
    t.match(await contents.remove(never), { isDone: true })
  })

  t.test('aborts uploads, but not what would delete the bucket', async (t) => {
    const upload = (key: string, id: string) =>
      `<Upload><Key>${key}</Key><UploadId>${id}</UploadId></Upload>`
    const { stub, contents } = await contentsOn(t, {
      [UPLOADS]: [
        ok(
          `<R>${upload('', 'planted')}${upload('a', '1')}${upload('ctl\ufffd', '2')}<Upload/></R>`
        ),
        ok(`<R>${upload('', 'planted')}${upload('ctl\ufffd', '2')}</R>`)
      ],
      'DELETE /bucket-a/a?uploadId': { status: 204 },
      'DELETE /bucket-a/ctl%EF%BF%BD?uploadId': s3Error(404, 'NoSuchUpload')
    })
    t.match(await contents.remove(never), { removed: 2, isDone: true })
    const aborts = stub.operations().filter((operation) => operation.startsWith('DELETE'))
    t.strictSame(aborts, ['DELETE /bucket-a/a?uploadId', 'DELETE /bucket-a/ctl%EF%BF%BD?uploadId'])
  })

  t.test('does not take another answer to an abort for absence', async (t) => {
    const { contents } = await contentsOn(t, {
      [UPLOADS]: ok('<R><Upload><Key>a</Key><UploadId>1</UploadId></Upload></R>'),
      'DELETE /bucket-a/a?uploadId': s3Error(403, 'AccessDenied')
    })
    await t.rejects(contents.remove(never), { name: 'AccessDenied' })
  })

  t.test('removes a page of each at least, and no other when it is over', async (t) => {
    const next = '<NextContinuationToken>a</NextContinuationToken>'
    const first = ok(String(objects('a').body).replace('</R>', `${next}</R>`))
    const { stub, contents, deleted } = await contentsOn(t, {
      [OBJECTS]: first,
      [FOLDERS]: [folders('a/', 'b/'), folders('a/', 'b/'), NOTHING]
    })
    const over = () => true
    t.strictSame(await contents.remove(over), {
      removed: 1,
      isDone: false,
      left: [],
      refusal: undefined
    })
    t.notOk(stub.operations().includes(MORE_OBJECTS))
    t.strictSame(deleted(), [['a'], ['a/', 'b/'], ['a/']])
  })
})

t.test('holdData', async (t) => {
  const holds: [what: string, script: Script, wanted: boolean][] = [
    ['nothing', {}, false],
    ['an object', { [OBJECTS]: objects('a') }, true],
    ['a version', { [VERSIONS]: versions('a@1!', 'a@2') }, true],
    ['nothing but delete markers', { [VERSIONS]: versions('a@1!', 'b@2!') }, false]
  ]
  for (const [what, script, wanted] of holds) {
    t.test(what, async (t) => {
      const { contents } = await contentsOn(t, script)
      t.equal(await contents.holdData(), wanted)
    })
  }
})

t.test('standstillOf', async (t) => {
  const refusal = { key: 'k'.repeat(100), code: 'AccessDenied', message: 'No.' }
  const going = { removed: 1, isDone: false, left: [], refusal: undefined }
  t.equal(standstillOf(going), undefined)
  t.equal(standstillOf({ ...going, refusal }), undefined, 'others could be removed yet')
  const kept = standstillOf({ ...going, removed: 0, refusal })
  t.match(kept, /^AccessDenied: No\. for object "k{80}"; is it under a retention/)
  t.equal(standstillOf({ ...going, left: [refusal.key], refusal }), kept)
  t.match(standstillOf({ ...going, left: ['a', 'b'] }), /^S3 cannot name 2 .*"a"$/)
})
