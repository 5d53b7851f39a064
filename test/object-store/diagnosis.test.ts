import t from 'tap'
import {
  type ApiAnswer,
  answerFault,
  type Endpoint,
  silenceFault,
  versionFault
} from '../../src/object-store/diagnosis.ts'

const S3: Endpoint = { setting: 'AWS_ENDPOINT_URL_S3', url: 'http://seaweedfs:8333', api: 'S3' }
const IAM: Endpoint = { setting: 'AWS_ENDPOINT_URL_IAM', url: 'http://seaweedfs:8111', api: 'IAM' }
const OF_PROFILES = { ...S3, setting: 'OBJECT_STORE_HOST' }
const USUAL_PORT = { ...S3, url: 'https://seaweedfs.kubeflow' }

function answer(overrides: Partial<ApiAnswer> = {}): ApiAnswer {
  const said = { status: 404, code: '', body: '', isOfStore: false, version: '4.48' }
  return { ...said, clockAheadMs: 0, ...overrides }
}

t.test('a version that takes no keys from outside is too old', async (t) => {
  for (const version of ['3.96', '4.00', '4.9', '4.21']) {
    t.match(versionFault(S3, version), `SeaweedFS ${version} at AWS_ENDPOINT_URL_S3 is too old`)
  }
  for (const version of ['4.22', '4.34', '4.48', '10.0', undefined]) {
    t.equal(versionFault(S3, version), undefined)
  }
})

t.test('silence names the setting and what to do', async (t) => {
  const thrown = (code: string | undefined, message = 'in words') => ({ message, code })
  const noTls = thrown('EPROTO', 'write EPROTO 80:ssl3_get_record:wrong version number')
  const tooLong = thrown('EPROTO', 'write EPROTO 80:tls_get_more_records:packet length too long')
  const cases: [endpoint: Endpoint, error: unknown, sentence: RegExp][] = [
    [S3, undefined, /^AWS_ENDPOINT_URL_S3: no answer from seaweedfs:8333 in time; .*NetworkPolicy/],
    [S3, thrown('ENOTFOUND'), /^AWS_ENDPOINT_URL_S3: there is no host seaweedfs; correct it/],
    [S3, thrown('EAI_AGAIN'), /the host seaweedfs cannot be looked up; .* DNS$/],
    [IAM, thrown('ECONNREFUSED'), /^AWS_ENDPOINT_URL_IAM: nobody listens at seaweedfs:8111; /],
    [USUAL_PORT, thrown('ECONNREFUSED'), /seaweedfs.kubeflow on the usual port of https:/],
    [USUAL_PORT, noTls, /does not speak TLS; write http:/],
    [OF_PROFILES, noTls, /TLS; unset OBJECT_STORE_CA$/],
    [USUAL_PORT, tooLong, /does not speak TLS; write http:/],
    [S3, thrown('EPROTO', 'alert handshake failure'), /no answer from seaweedfs:8333 \(EPROTO\)/],
    [USUAL_PORT, thrown('ERR_TLS_CERT_ALTNAME_INVALID'), /for other names than seaweedfs.kubeflow/],
    [USUAL_PORT, thrown('CERT_HAS_EXPIRED'), /has expired; renew it$/],
    [USUAL_PORT, thrown('SELF_SIGNED_CERT_IN_CHAIN'), /set NODE_EXTRA_CA_CERTS to a file/],
    [USUAL_PORT, thrown('DEPTH_ZERO_SELF_SIGNED_CERT'), /set NODE_EXTRA_CA_CERTS/],
    [USUAL_PORT, thrown('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), /set NODE_EXTRA_CA_CERTS/],
    [USUAL_PORT, thrown('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), /set NODE_EXTRA_CA_CERTS/],
    [S3, thrown('EHOSTUNREACH'), /no answer from seaweedfs:8333 \(EHOSTUNREACH\); correct/],
    [S3, thrown(undefined), /\(in words\)/]
  ]
  for (const [endpoint, error, sentence] of cases) t.match(silenceFault(endpoint, error), sentence)
})

t.test('an answer that was not wanted names the setting and what to do', async (t) => {
  const HOUR_MS = 3_600_000
  const cases: [endpoint: Endpoint, said: Partial<ApiAnswer>, sentence: RegExp][] = [
    [S3, { status: 403, code: 'InvalidAccessKeyId' }, /^AWS_ACCESS_KEY_ID: seaweedfs:8333 does no/],
    [IAM, { status: 403, code: 'SignatureDoesNotMatch' }, /^AWS_SECRET_ACCESS_KEY: seaweedfs:8111/],
    [
      S3,
      { status: 403, code: 'RequestTimeTooSkewed', clockAheadMs: 2 * HOUR_MS },
      /^The clock here is 120 min ahead of that of seaweedfs:8333, which refuses/
    ],
    [
      S3,
      { status: 403, code: 'RequestTimeTooSkewed', clockAheadMs: -HOUR_MS },
      /^The clock here is 60 min behind that of seaweedfs:8333/
    ],
    [
      IAM,
      {
        status: 403,
        code: 'AccessDenied',
        body: '<Message>IAM write operations are disabled on this server</Message>'
      },
      /^AWS_ENDPOINT_URL_IAM: IAM at seaweedfs:8111 is read-only; start it with -s3.iam.readOnly=f/
    ],
    [IAM, { status: 403, code: 'AccessDenied' }, /^AWS_ACCESS_KEY_ID: seaweedfs:8111 refuses/],
    [IAM, { status: 501, code: 'NotImplemented' }, /does not know managed policies; upgrade it/],
    [
      S3,
      { status: 400, body: 'Client sent an HTTP request to an HTTPS server.\n' },
      /^AWS_ENDPOINT_URL_S3: seaweedfs:8333 speaks TLS only; write https:/
    ],
    [OF_PROFILES, { status: 400, body: 'to an HTTPS server.' }, /TLS only; set OBJECT_STORE_CA$/],
    [
      S3,
      { status: 400, body: '<h1>The plain HTTP request was sent to HTTPS port</h1>' },
      /TLS only/
    ],
    [IAM, { status: 500, code: 'ServiceFailure' }, /seaweedfs:8111 fails \(HTTP 500 ServiceFailur/],
    [S3, { status: 503, body: 'no healthy upstream' }, /seaweedfs:8333 fails \(HTTP 503\)/],
    [S3, { status: 505, body: 'a page' }, /is not the S3 API/],
    [S3, { status: 503 }, /seaweedfs:8333 fails \(HTTP 503\); its own log says why$/],
    [
      IAM,
      { status: 405 },
      /^AWS_ENDPOINT_URL_IAM: seaweedfs:8111 serves no IAM \(HTTP 405\); name/
    ],
    [S3, { status: 405, code: 'MethodNotAllowed' }, /is not the S3 API .*\(HTTP 405 MethodNotAl/],
    [S3, { status: 200, body: '<!doctype html>' }, /not the S3 API of SeaweedFS \(HTTP 200\); co/],
    [IAM, { status: 500, body: '{}' }, /what answers at seaweedfs:8111 is not the IAM API of Sea/],
    [USUAL_PORT, { status: 400, body: 'HTTPS server' }, /is not the S3 API of SeaweedFS/]
  ]
  for (const [endpoint, said, sentence] of cases) {
    t.match(answerFault(endpoint, answer(said)), sentence)
  }
})
