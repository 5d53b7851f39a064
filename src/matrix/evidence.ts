import { posix } from 'node:path'
import { type Answer, type Request, textOf } from './request.ts'
import { isShared, type Scene } from './scene.ts'

/**
 * What an answer gives away: a word that stands only in what is theirs, or the name of a key, an upload
 * or a bucket outside the own area. What the request itself said is no leak.
 *
 * @param etag of their object; a checksum of the content is as good as the content to a guesser
 */
export function leakIn(
  answer: Answer,
  request: Request,
  scene: Scene,
  etag: string
): string | undefined {
  const said = textOf(request)
  const text = `${Object.values(answer.headers).join('\n')}\n${answer.body}`
  const { their, words, uploads } = scene
  const secrets: Record<string, string> = {
    'the content of their object': words.content,
    'its metadata': words.metadata,
    'its tag': words.tag,
    'its checksum': etag,
    'its checksum, in base64': Buffer.from(etag, 'hex').toString('base64'),
    'the name of their key': words.keyName,
    'the id of their upload': uploads.their,
    'the id of their access key': their.accessKey.accessKeyId,
    'their secret access key': their.accessKey.secretAccessKey,
    'the name of their user': their.user
  }
  for (const [what, secret] of Object.entries(secrets)) {
    if (text.includes(secret) && !said.includes(secret)) return what
  }
  return foreignNameIn(answer.body, scene)
}

const LISTING = /<(ListBucketResult|ListVersionsResult|ListMultipartUploadsResult)[\s>]/
const BUCKETS = /<ListAllMyBucketsResult[\s>]/

/** Names of keys outside the own prefix, or, in a bucket of its own, outside the own bucket. */
function foreignNameIn(body: string, scene: Scene): string | undefined {
  const { own } = scene
  if (BUCKETS.test(body)) {
    const foreign = textsOf('Name', body).find((bucket) => bucket !== own.bucket)
    return foreign === undefined ? undefined : `that there is a bucket ${foreign}`
  }
  if (!LISTING.test(body)) return undefined
  const [bucket] = [...textsOf('Bucket', body), ...textsOf('Name', body)]
  const isOwnBucket = bucket === own.bucket && !isShared(scene)
  if (isOwnBucket) return undefined
  const folders = (body.match(/<CommonPrefixes>.*?<\/CommonPrefixes>/gs) ?? []).join('')
  const isEncoded = /<EncodingType>url</.test(body)
  const names = [...textsOf('Key', body), ...textsOf('Prefix', folders)]
    .map((name) => (isEncoded ? decoded(name) : name))
    // What leads out of the own prefix is not below it, whatever it begins with.
    .map((name) => posix.normalize(name))
  // A folder on the way to the own prefix says nothing about anybody else.
  const foreign = names.find(
    (name) => !name.startsWith(own.prefix) && !(name.endsWith('/') && own.prefix.startsWith(name))
  )
  return foreign === undefined ? undefined : `that there is a key ${foreign}`
}

function textsOf(element: string, xml: string): string[] {
  return [...xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))].map(
    ([, text = '']) => text
  )
}

/** `encoding-type=url` encodes the names of a listing, blanks as in a form. */
function decoded(name: string): string {
  return decodeURIComponent(name.replaceAll('+', ' '))
}
