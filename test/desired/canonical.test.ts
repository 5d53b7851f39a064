import t from 'tap'
import { canonicalText } from '../../src/desired/canonical.ts'

t.test('canonicalText', async (t) => {
  const same: [what: string, left: unknown, right: unknown][] = [
    ['key order', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['one-element arrays', { Action: ['s3:GetObject'] }, { Action: 's3:GetObject' }],
    ['one-element arrays of documents', [{ Sid: ['a'] }], { Sid: 'a' }],
    ['keys without a value', { a: 1, b: undefined }, { a: 1 }],
    ['documents inside arrays', [1, { a: ['x'], b: 2 }], [1, { b: 2, a: 'x' }]]
  ]
  for (const [what, left, right] of same) {
    t.test(`does not care about ${what}`, async (t) => {
      t.equal(canonicalText(left), canonicalText(right))
    })
  }

  const different: [what: string, left: unknown, right: unknown][] = [
    ['values', { a: 1 }, { a: 2 }],
    ['types', { a: '1' }, { a: 1 }],
    ['order in longer arrays', ['a', 'b'], ['b', 'a']],
    ['an empty array and a missing key', { a: [] }, {}],
    ['an empty document and none', {}, undefined],
    ['null and a missing key', { a: null }, {}]
  ]
  for (const [what, left, right] of different) {
    t.test(`tells ${what} apart`, async (t) => {
      t.not(canonicalText(left), canonicalText(right))
    })
  }

  t.test('is JSON with sorted keys', async (t) => {
    const document = { b: [1, null, true], a: { d: ['x'], c: 'y' } }
    t.equal(canonicalText(document), '{"a":{"c":"y","d":"x"},"b":[1,null,true]}')
    t.equal(canonicalText(undefined), 'null')
  })

  t.test('leaves the document as it was', async (t) => {
    const document = { b: ['x'], a: 1 }
    canonicalText(document)
    t.equal(JSON.stringify(document), '{"b":["x"],"a":1}')
  })
})
