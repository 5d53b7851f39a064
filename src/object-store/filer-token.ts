import { createHmac } from 'node:crypto'

/** Also how far the clock here may be behind the filer's. */
export const TOKEN_SECONDS = 60

/**
 * Tokens for the filer's identity service: signed with HS256, and good for a minute each. They say when they end and
 * nothing else, so a clock that is ahead here does no harm.
 */
export function buildFilerTokens(signingKey: string, clock = Date.now): () => string {
  let token = ''
  let renewAt = 0
  return () => {
    const now = clock() / 1000
    if (now < renewAt && now > renewAt - TOKEN_SECONDS) return token
    const parts = [{ alg: 'HS256', typ: 'JWT' }, { exp: Math.floor(now) + TOKEN_SECONDS }]
    const unsigned = parts.map((part) => base64url(JSON.stringify(part))).join('.')
    const signature = createHmac('sha256', signingKey).update(unsigned).digest('base64url')
    token = `${unsigned}.${signature}`
    renewAt = now + TOKEN_SECONDS / 2
    return token
  }
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}
