/**
 * How a request says who sends it: `-loose` leaves the request's own headers out of the signature, `-v2` are the
 * signatures that AWS has given up.
 */
export type Signing =
  | 'header'
  | 'header-loose'
  | 'presigned'
  | 'unsigned'
  | 'header-v2'
  | 'presigned-v2'

/** A request as it goes over the wire: nothing normalises its path. */
export interface Request {
  readonly method: string
  /** As it is sent, percent-encoding and all. */
  readonly path: string
  readonly query: readonly (readonly [name: string, value: string])[]
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** `METHOD /path?name=value`; names and values may be percent-encoded, the path is sent as it stands. */
export function requestFrom(
  line: string,
  headers: Readonly<Record<string, string>> = {},
  body = ''
): Request {
  const [, method = '', path = '', query = ''] =
    /^([A-Z]+) (\/[^ ?]*)(?:\?([^ ]*))?$/.exec(line) ?? []
  if (method === '') throw new Error(`Not a request line: ${line}`)
  const pairs = query.split('&').filter(Boolean)
  return {
    method,
    path,
    query: pairs.map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return [decodeURIComponent(name), decodeURIComponent(value.join('='))] as const
    }),
    headers,
    body
  }
}

/** The whole request as text, to tell one case from another and to see what it gives away itself. */
export function textOf({ method, path, query, headers, body }: Request): string {
  const plain = query.map(([name, value]) => `${name}=${value}`).join('&')
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return [`${method} ${path}?${plain}`, decodeURIComponent(path), ...fields, body].join('\n')
}

/** For the wire and for the signature. */
export function queryText(pairs: Request['query']): string {
  return pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join('&')
}

/** RFC 3986, as the signature wants it. */
export function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`
  )
}
