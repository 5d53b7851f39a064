import { createHash } from 'node:crypto'
import t from 'tap'
import { filledIn, isShared, MARKS } from '../../src/matrix/scene.ts'
import { party, scene } from '../fixtures/matrix.ts'

const md5 = (text: string) => createHash('md5').update(text).digest('hex')

t.test('filledIn', async (t) => {
  const own = party('shared', 'team-a')
  const their = party('shared', 'team-a-2')
  const mark = '.s3-profile-controller/verify/1-aa/'
  const filled: [text: string, expected: string][] = [
    ['', ''],
    ['/{common}/{mark}object', `/mlpipeline/${mark}object`],
    ['{own.namespace} {their.namespace}', 'team-a team-a-2'],
    ['{own.user} {their.user}', `${own.user} ${their.user}`],
    ['{own.keyId} {their.keyId}', 'KEYOFTEAM-AEND KEYOFTEAM-A-2END'],
    ['{own.bucket}{their.bucket}', 'mlpipelinemlpipeline'],
    ['{their.prefix}', 'private-artifacts/team-a-2/'],
    ['{their.mark}object', `private-artifacts/team-a-2/${mark}object`],
    ['{own.upload}/{their.upload}', 'own-upload/their-upload'],
    ['{own.part}/{their.part}', `${md5('an own part')}/${md5('content-word')}`],
    ['{"Version":"1","Statement":[{}]}', '{"Version":"1","Statement":[{}]}'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: left to the store
    ['{own.namespace}/${filename}', 'team-a/${filename}']
  ]
  for (const [text, expected] of filled) {
    t.equal(filledIn(text, scene('shared')), expected, text || 'nothing')
  }

  t.test('reads what may change when it is needed', async (t) => {
    const field = scene('shared')
    field.uploads.their = 'begun anew'
    t.equal(filledIn('{their.upload}', field), 'begun anew')
  })

  for (const misspelt of ['{mine.bucket}', '{own.buckett}', '{bucket}', '{own}', '{own.secret}']) {
    t.throws(() => filledIn(`/a/${misspelt}`, scene('shared')), {
      message: `No such name in the scene: ${misspelt}`
    })
  }
})

t.test('a bucket is shared or not', async (t) => {
  t.equal(isShared(scene('shared')), true)
  t.equal(isShared(scene('per-profile')), false)
})

t.test('no namespace can be named like the folder of marks', async (t) => {
  t.notMatch(MARKS, /^[a-z0-9]/)
})
