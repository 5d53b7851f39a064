import t from 'tap'
import { encoded, queryText, requestFrom, textOf } from '../../src/matrix/request.ts'

t.test('requestFrom', async (t) => {
  const lines: [line: string, method: string, path: string, query: [string, string][]][] = [
    ['GET /', 'GET', '/', []],
    ['PUT /bucket/key', 'PUT', '/bucket/key', []],
    [
      'GET /bucket?list-type=2&prefix=a/',
      'GET',
      '/bucket',
      [
        ['list-type', '2'],
        ['prefix', 'a/']
      ]
    ],
    ['POST /bucket?delete', 'POST', '/bucket', [['delete', '']]],
    ['GET /bucket?prefix=a%2Fb=c', 'GET', '/bucket', [['prefix', 'a/b=c']]],
    [
      'GET /bucket?prefix=a&prefix=b',
      'GET',
      '/bucket',
      [
        ['prefix', 'a'],
        ['prefix', 'b']
      ]
    ],
    ['GET //bucket/../%2e%2E/key', 'GET', '//bucket/../%2e%2E/key', []]
  ]
  for (const [line, method, path, query] of lines) {
    t.strictSame(requestFrom(line), { method, path, query, headers: {}, body: '' }, line)
  }

  t.test('keeps headers and body as they are', async (t) => {
    const { headers, body } = requestFrom('PUT /bucket/key', { range: 'bytes=0-3' }, 'planted')
    t.strictSame({ headers, body }, { headers: { range: 'bytes=0-3' }, body: 'planted' })
  })

  for (const line of ['', 'GET', 'get /bucket', 'GET bucket', 'GET /a key', 'GET /a?b?c d']) {
    t.throws(() => requestFrom(line), { message: `Not a request line: ${line}` })
  }
})

t.test('textOf tells all that a request says, encoded and decoded', async (t) => {
  const request = requestFrom('PUT /bucket/a%2Fb?prefix=c%2Fd', { 'x-amz-acl': 'private' }, 'body')
  t.equal(textOf(request), 'PUT /bucket/a%2Fb?prefix=c/d\n/bucket/a/b\nx-amz-acl: private\nbody')
})

t.test('encoded follows RFC 3986', async (t) => {
  t.equal(encoded("a b/c+(d)!*'~ä"), 'a%20b%2Fc%2B%28d%29%21%2A%27~%C3%A4')
  t.equal(
    queryText([
      ['delete', ''],
      ['prefix', 'a/&=']
    ]),
    'delete=&prefix=a%2F%26%3D'
  )
  t.equal(queryText([]), '')
})
