import t from 'tap'
import { MARKS } from '../../src/matrix/scene.ts'
import { sow } from '../../src/matrix/seeds.ts'
import { LAYOUTS, type Layout, party } from '../fixtures/matrix.ts'
import { memoryS3 } from '../fixtures/memory-s3.ts'

const MINUTES = 60_000
const SOMEBODY_ELSES = { Body: 'of somebody else', Metadata: undefined, Tagging: undefined }

/** Two profiles' seeds in a store that holds other things too. */
async function field(layout: Layout, everything = false) {
  const store = memoryS3()
  const own = party(layout, 'team-a')
  const their = party(layout, 'team-a-2')
  const others = [
    `${own.bucket}/${own.prefix}model`,
    `${their.bucket}/${their.prefix}model`,
    'mlpipeline/artifacts/model'
  ]
  for (const path of others) store.objects.set(path, SOMEBODY_ELSES)
  const sown = await sow(store.client, own, their, 'mlpipeline', everything)
  const theirs = `${their.bucket}/${their.prefix}${sown.scene.mark}`
  return { ...store, sown, own, their, theirs, others }
}

for (const layout of LAYOUTS) {
  for (const everything of [false, true]) {
    const what = everything ? 'whole buckets' : 'the marks'
    t.test(`sowing in the ${layout} layout, watching ${what}`, async (t) => {
      const sowing = () => field(layout, everything)

      t.test('writes below marks of this run alone', async (t) => {
        const { sown, objects, uploads, others } = await sowing()
        const written = [...objects.keys()].filter((path) => !others.includes(path))
        t.ok(written.length > 4)
        t.same(
          [...written, ...[...uploads.values()].map(({ Key }) => Key)].filter(
            (path) => !path.includes(sown.scene.mark)
          ),
          []
        )
      })

      t.test('puts the words where they will be looked for', async (t) => {
        const { sown, objects, theirs, uploads } = await sowing()
        const { words, uploads: ids } = sown.scene
        t.match(objects.get(`${theirs}object`), {
          Body: words.content,
          Metadata: { note: words.metadata },
          Tagging: `note=${words.tag}`
        })
        t.ok(objects.has(theirs + words.keyName))
        t.equal(sown.etag, `etag of ${words.content}`)
        t.ok(uploads.has(ids.own))
        t.ok(uploads.has(ids.their))
        t.not(ids.own, ids.their)
      })

      t.test('sees nothing where nothing happened', async (t) => {
        const { sown } = await sowing()
        const before = await sown.look()
        t.equal(await sown.look(), before)
      })

      const damages: [what: string, damage: (store: Awaited<ReturnType<typeof field>>) => void][] =
        [
          ['an object that is gone', ({ objects, theirs }) => objects.delete(`${theirs}object`)],
          [
            'an object that was overwritten',
            ({ objects, theirs }) => objects.set(`${theirs}object`, SOMEBODY_ELSES)
          ],
          [
            'an object that was planted',
            ({ objects, theirs }) => objects.set(`${theirs}planted`, SOMEBODY_ELSES)
          ],
          [
            'an object in what sync.py shared',
            ({ objects, sown }) =>
              objects.set(`mlpipeline/shared/${sown.scene.mark}planted`, SOMEBODY_ELSES)
          ],
          [
            'other tags',
            ({ objects, theirs }) =>
              Object.assign(objects.get(`${theirs}object`) as object, { Tagging: 'planted=yes' })
          ],
          [
            'other metadata',
            ({ objects, theirs }) =>
              Object.assign(objects.get(`${theirs}object`) as object, { Metadata: { note: '' } })
          ],
          [
            'an upload that is gone',
            ({ uploads, sown }) => uploads.delete(sown.scene.uploads.their)
          ],
          [
            'a part that was planted',
            ({ uploads, sown }) => uploads.get(sown.scene.uploads.their)?.parts.set(2, 'planted')
          ]
        ]
      for (const [what, damage] of damages) {
        t.test(`sees ${what}, and puts everything back`, async (t) => {
          const around = await sowing()
          const { sown, objects } = around
          const [before, paths] = [await sown.look(), [...objects.keys()].sort()]
          damage(around)
          t.not(await sown.look(), before)
          await sown.sowAgain()
          t.equal(await sown.look(), before)
          t.same([...objects.keys()].sort(), paths, 'and nothing more')
        })
      }

      t.test('does not mind what the own profile does with what is its own', async (t) => {
        const { sown, objects, own } = await sowing()
        const before = await sown.look()
        const path = `${own.bucket}/${own.prefix}${sown.scene.mark}made`
        objects.set(path, SOMEBODY_ELSES)
        t.equal(await sown.look(), before)
        await sown.sowAgain()
        t.ok(objects.has(path))
      })

      t.test('puts back what was taken from the own profile', async (t) => {
        const { sown, objects, own } = await sowing()
        const path = `${own.bucket}/${own.prefix}${sown.scene.mark}object`
        objects.delete(path)
        await sown.sowAgain()
        t.ok(objects.has(path))
      })

      t.test('keeps their content out of what is the own profile’s', async (t) => {
        const { sown, uploads, objects } = await sowing()
        const { parts } = uploads.get(sown.scene.uploads.own) ?? {}
        t.same([...(parts ?? [])], [[1, 'an own part']])
        const { own, mark } = sown.scene
        const object = objects.get(`${own.bucket}/${own.prefix}${mark}object`)
        t.strictSame(object, { Body: 'an own object', Metadata: undefined, Tagging: undefined })
      })

      t.test('begins an own upload anew, only when it ended', async (t) => {
        const { sown, uploads } = await sowing()
        const { own: first } = sown.scene.uploads
        await sown.ensureOwnUpload()
        t.equal(sown.scene.uploads.own, first)
        uploads.delete(first)
        await sown.ensureOwnUpload()
        t.not(sown.scene.uploads.own, first)
        t.ok(uploads.has(sown.scene.uploads.own))
      })

      t.test('removes everything of its own and nothing else', async (t) => {
        const { sown, objects, uploads, others, own } = await sowing()
        objects.set(`${own.bucket}/${own.prefix}${sown.scene.mark}a/b`, SOMEBODY_ELSES)
        // More than a page of them, before and after ours in the order of their ids.
        const foreign = ['a', 'b', 'c', 'x', 'y', 'z']
        for (const id of foreign) {
          uploads.set(id, { Bucket: own.bucket, Key: 'another', parts: new Map() })
        }
        await sown.remove()
        t.same([...objects.keys()].sort(), others.sort())
        t.same([...uploads.keys()], foreign)
      })
    })
  }
}

for (const layout of LAYOUTS) {
  t.test(`what a request planted in the ${layout} layout`, async (t) => {
    const { sown, objects, own, their } = await field(layout)
    const { mark } = sown.scene
    const planted: [what: string, path: string, where: string][] = [
      ['by its name', `/${their.bucket}/${their.prefix}${mark}a`, `${their.prefix}${mark}a`],
      ['encoded', `/${their.bucket}/x%20y%2F${mark}a%0A`, `x y/${mark}a\n`],
      ['with dots', `/${own.bucket}/${own.prefix}../${mark}a`, `${own.prefix}../${mark}a`],
      ['with slashes', `/${own.bucket}///${mark}a`, `//${mark}a`]
    ]
    for (const [what, path, where] of planted) {
      const [, bucket] = path.split('/')
      objects.set(`${bucket}/${where}`, SOMEBODY_ELSES)
      await sown.removePlanted(path)
      t.notOk(objects.has(`${bucket}/${where}`), what)
    }

    const before = [...objects.keys()]
    for (const path of [
      `/${own.bucket}/${own.prefix}model`,
      `/${own.bucket}`,
      `/${own.bucket}/`,
      '/',
      `/${own.bucket}/${own.prefix}.s3-profile-controller/verify/`
    ]) {
      await sown.removePlanted(path)
    }
    t.same([...objects.keys()], before, 'is removed below the mark of this run alone')
  })
}

t.test('what cannot be removed again is no failure of the case', async (t) => {
  const { client } = memoryS3((command) => command === 'DeleteObject')
  const sown = await sow(client, party('shared', 'a'), party('shared', 'b'), 'mlpipeline')
  await t.resolves(sown.removePlanted(`/mlpipeline/${sown.scene.mark}a`))
})

for (const layout of LAYOUTS) {
  t.test(`sowing in the ${layout} layout removes what a killed run left`, async (t) => {
    const [own, their] = [party(layout, 'team-a'), party(layout, 'team-a-2')]
    const { client, objects, uploads } = memoryS3()
    const at = (age: number, rest: string) => `${MARKS}${Date.now() - age}-0123/${rest}`
    const [old, young] = [61 * MINUTES, 59 * MINUTES]
    const leftovers = [
      `${own.bucket}/${own.prefix}${at(old, 'object')}`,
      `${their.bucket}/${their.prefix}${at(old, 'hidden-0123')}`,
      `${their.bucket}/${their.prefix}${at(old, 'a/b')}`,
      `mlpipeline/artifacts/${at(old, 'object')}`,
      `mlpipeline/private-artifacts/${at(old, 'object')}`
    ]
    const others = [
      `${own.bucket}/${own.prefix}${at(young, 'object')}`,
      `${own.bucket}/${own.prefix}${MARKS}readme`,
      `${own.bucket}/${own.prefix}model`,
      `${own.bucket}/${own.prefix}${Date.now() - old}-0123/object`,
      `mlpipeline/private-artifacts/another/${at(old, 'object')}`
    ]
    for (const path of [...leftovers, ...others]) objects.set(path, SOMEBODY_ELSES)
    for (const [id, age] of [
      ['upload-old', old],
      ['upload-young', young]
    ] as const) {
      const Key = `${own.prefix}${at(age, 'upload')}`
      uploads.set(id, { Bucket: own.bucket, Key, parts: new Map() })
    }
    const sown = await sow(client, own, their, 'mlpipeline')
    await sown.remove()
    t.same([...objects.keys()].sort(), others.sort())
    t.same([...uploads.keys()], ['upload-young'])
  })
}

t.test('what cannot be cleared keeps nothing else from being removed', async (t) => {
  let isStuck = false
  const { client, objects } = memoryS3(
    (command, { Prefix }) => isStuck && command === 'ListObjectsV2' && Prefix.startsWith('shared/')
  )
  const sown = await sow(client, party('per-profile', 'a'), party('per-profile', 'b'), 'mlpipeline')
  isStuck = true
  await t.rejects(sown.remove(), { message: 'ListObjectsV2 failed' })
  t.same(
    [...objects.keys()].filter((path) => !path.startsWith('mlpipeline/shared/')),
    []
  )
})

t.test('watching whole buckets, sees what was planted anywhere', async (t) => {
  const { sown, objects, their } = await field('per-profile', true)
  const before = await sown.look()
  objects.set(`${their.bucket}/elsewhere`, SOMEBODY_ELSES)
  t.not(await sown.look(), before)
})

t.test('a store that fails in the middle is left as it was', async (t) => {
  const { client, objects, uploads } = memoryS3((command) => command === 'UploadPart')
  const sowing = sow(client, party('shared', 'a'), party('shared', 'b'), 'mlpipeline')
  await t.rejects(sowing, { message: 'UploadPart failed' })
  t.equal(objects.size, 0)
  t.equal(uploads.size, 0)
})

t.test('a store that fails altogether says the first failure', async (t) => {
  const { client } = memoryS3(() => true)
  const sowing = sow(client, party('shared', 'a'), party('shared', 'b'), 'mlpipeline')
  await t.rejects(sowing, { message: 'ListMultipartUploads failed' })
})

t.test('an upload that ends while it is aborted is no failure', async (t) => {
  const { client, uploads } = memoryS3((command) => command === 'AbortMultipartUpload')
  const sown = await sow(client, party('shared', 'a'), party('shared', 'b'), 'mlpipeline')
  await t.resolves(sown.remove())
  t.equal(uploads.size, 2)
})
