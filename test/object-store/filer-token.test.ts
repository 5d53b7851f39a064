import { createHmac } from 'node:crypto'
import t from 'tap'
import { buildFilerTokens } from '../../src/object-store/filer-token.ts'

t.test('buildFilerTokens', async (t) => {
  const token = buildFilerTokens('signing-key-of-the-tests')
  const [header = '', payload = '', signature] = token().split('.')

  t.test('signs with HS256 what ends within a minute', async (t) => {
    const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
    t.strictSame(decoded(header), { alg: 'HS256', typ: 'JWT' })
    const { exp, ...rest } = decoded(payload)
    t.strictSame(rest, {})
    const secondsLeft = exp - Date.now() / 1000
    t.ok(secondsLeft > 50 && secondsLeft <= 60)
    const hmac = createHmac('sha256', 'signing-key-of-the-tests')
    t.equal(signature, hmac.update(`${header}.${payload}`).digest('base64url'))
  })

  t.test('renews them in time, also after the clock was set back', async (t) => {
    let milliseconds = 0
    const token = buildFilerTokens('signing-key-of-the-tests', () => milliseconds)
    const atSecond = (second: number) => {
      milliseconds = second * 1000
      return token()
    }
    const first = atSecond(2_000_000_000)
    t.equal(atSecond(2_000_000_029), first)
    const second = atSecond(2_000_000_031)
    t.not(second, first)
    t.not(atSecond(1_999_999_000), second)
  })
})
