import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import { get } from 'node:https'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { accessKeyFor } from '../src/desired/credentials.ts'
import { environment, HOOK_TOKEN, ROOT_KEY, recording } from './fixtures/builders.ts'
import { clusterOf, kubectlList, plainNamespace, profileObject } from './fixtures/kubectl.ts'
import { listening } from './fixtures/listening.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from './fixtures/loopback-certificate.ts'
import { startStubApiServer } from './fixtures/stub-api-server.ts'
import { iamAnswer, ok, refusingSettings, s3Error, startStubStore } from './fixtures/stub-store.ts'
import { tightStore } from './fixtures/tight-store.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const body = JSON.stringify(recording('decorator/first-sync').calls[0]?.request)
const headers = { authorization: `Bearer ${HOOK_TOKEN}`, 'content-type': 'application/json' }

/** The program as an operator runs it. */
function run(
  t: Test,
  env: Record<string, string>,
  args: string[] = [],
  { stdout, input = '' }: { stdout?: number; input?: string } = {}
) {
  const stdio = ['pipe' as const, stdout ?? ('pipe' as const), 'pipe' as const]
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio })
  t.teardown(() => child.kill('SIGKILL'))
  // Whoever does not want it may be gone before it comes.
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  return { child, stderr: text(child.stderr as Readable), ended: once(child, 'exit') }
}

/** Where it listens, on a port it chose itself, from its own log line; and all that it logs. */
async function whenListening({ stdout }: ChildProcess) {
  let log = ''
  const url = await new Promise<string>((resolve, reject) => {
    stdout?.on('data', (chunk) => {
      log += chunk
      const [, found] = /listening at (https?:\/\/127\.0\.0\.1:[0-9]+)/.exec(log) ?? []
      if (found !== undefined) resolve(found)
    })
    stdout?.once('end', () => reject(new Error(`it ended: ${log}`)))
  })
  return { url, log: () => log }
}

/** A store that takes its time, has nothing, and fails when it is to write; `asked` resolves at the next request. */
async function slowStore(t: Test, milliseconds: number) {
  const server = createServer(async (request, response) => {
    request.resume()
    await pause(milliseconds)
    if (request.method === 'PUT') return response.writeHead(500).end()
    const noUser = '<ErrorResponse><Error><Code>NoSuchEntity</Code></Error></ErrorResponse>'
    return response.writeHead(404).end(request.method === 'POST' ? noUser : undefined)
  })
  const url = `http://127.0.0.1:${await listening(t, server)}`
  return { url, asked: () => once(server, 'request') }
}

t.test('a faulty environment ends the start with one line that lists every fault', async (t) => {
  const { stderr, ended } = run(t, environment({ PORT: 'http', HOOK_TOKEN: '', AWS_REGION: '?' }))
  const [code] = await ended
  t.equal(code, 1)
  const lines = (await stderr).trim().split('\n')
  t.equal(lines.length, 1)
  t.match(lines[0], /^Invalid environment: .*PORT.*AWS_REGION.*HOOK_TOKEN/)
  t.notMatch(lines[0], ROOT_KEY)
})

t.test('a port that is taken ends the start with one line', async (t) => {
  const taken = new URL((await slowStore(t, 0)).url).port
  const { stderr, ended } = run(t, environment({ HOST: '127.0.0.1', PORT: taken }))
  const [code] = await ended
  t.equal(code, 1)
  t.match(await stderr, new RegExp(`^Cannot listen on port ${taken}: [^\n]+\n$`))
})

t.test('a certificate that cannot be used ends the start with one line', async (t) => {
  const mount = t.testdir({ 'tls.crt': LOOPBACK_CERTIFICATE, 'tls.key': 'no key' })
  for (const key of ['tls.key', 'missing.key']) {
    const files = { HOOK_TLS_CERT_FILE: `${mount}/tls.crt`, HOOK_TLS_KEY_FILE: `${mount}/${key}` }
    const { stderr, ended } = run(t, environment(files))
    const [code] = await ended
    t.equal(code, 1)
    const said = await stderr
    t.match(said, /^HOOK_TLS_CERT_FILE and HOOK_TLS_KEY_FILE cannot be used: [^\n]+\n$/)
    t.notMatch(said, 'no key')
  }
})

t.test('with a certificate it speaks HTTPS', async (t) => {
  const mount = t.testdir({ 'tls.crt': LOOPBACK_CERTIFICATE, 'tls.key': LOOPBACK_KEY })
  const files = {
    HOOK_TLS_CERT_FILE: `${mount}/tls.crt`,
    HOOK_TLS_KEY_FILE: `${mount}/tls.key`
  }
  const { child, ended } = run(t, environment({ HOST: '127.0.0.1', PORT: '0', ...files }))
  const { url } = await whenListening(child)
  t.match(url, /^https:/)
  const [response] = await once(get(`${url}/healthz`, { ca: LOOPBACK_CERTIFICATE }), 'response')
  t.equal(response.statusCode, 200)
  response.destroy()
  child.kill('SIGTERM')
  t.same(await ended, [0, null])
})

t.test('SIGTERM lets a running sync finish', async (t) => {
  const store = await slowStore(t, 1_000)
  const endpoints = { AWS_ENDPOINT_URL_S3: store.url, AWS_ENDPOINT_URL_IAM: store.url }
  const started = run(t, environment({ HOST: '127.0.0.1', PORT: '0', ...endpoints }))
  const { url, log } = await whenListening(started.child)
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  const finalize = await fetch(`${url}/finalize`, { method: 'POST', headers, body })
  t.match(await finalize.json(), { finalized: false, resyncAfterSeconds: 25 })

  const asked = store.asked()
  const sync = fetch(`${url}/sync`, { method: 'POST', headers, body })
  await asked
  started.child.kill('SIGTERM')
  const response = await sync
  t.equal(response.status, 503)
  t.match(await response.json(), { code: 'S3P_STORE_UNAVAILABLE', message: /profile team-a/ })
  const [code] = await started.ended
  t.equal(code, 0)
  t.match(log(), /running syncs finish first/)
  t.match(log(), /"profile":"team-a","step":"creating bucket mlpipeline"/, 'writes are logged')
  t.notMatch(log() + (await started.stderr), HOOK_TOKEN)
})

t.test('HOOK_AUTH=none is said out loud', async (t) => {
  const { child, ended } = run(
    t,
    environment({ HOST: '127.0.0.1', PORT: '0', HOOK_AUTH: 'none', HOOK_TOKEN: '' }),
    ['serve']
  )
  const { url, log } = await whenListening(child)
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  child.kill('SIGTERM')
  t.same(await ended, [0, null])
  t.match(log(), /whoever reaches this port/)
})

t.test('a command that does not exist is told with those that do', async (t) => {
  const { stderr, ended } = run(t, environment(), ['verfiy'])
  t.same(await ended, [2, null])
  t.match(
    await stderr,
    /^There is no command "verfiy"\nUsage: .*\n.* verify .*\n.* sweep .*\n.* adopt /
  )
  const inherited = run(t, environment(), ['toString'])
  t.same(await inherited.ended, [2, null])
})

const user = 'profile-team-a-01234567'
const { accessKeyId, secretAccessKey } = accessKeyFor(Buffer.from(ROOT_KEY), user, 0)
const SECRETS = [ROOT_KEY, HOOK_TOKEN, secretAccessKey, environment()['AWS_SECRET_ACCESS_KEY']]

/** How a command ended, and what it said. */
async function outcome(t: Test, { child, stderr, ended }: ReturnType<typeof run>) {
  const stdout = await text(child.stdout as Readable)
  const said = await stderr
  for (const secret of SECRETS) t.notOk((stdout + said).includes(String(secret)), 'no secret')
  const [code] = await ended
  return { code, stdout, stderr: said }
}

t.test('verify', async (t) => {
  const NO_DOORS = ['filer', 'master', 'volume'].map((door) => `--${door}=http://127.0.0.1:9`)

  /** The command on a store where nothing legitimate works. */
  async function verifying(t: Test, script = {}) {
    const stub = await startStubStore(t, { ...tightStore({ [user]: accessKeyId }), ...script })
    const { s3Endpoint } = stub.settings
    const endpoints = { AWS_ENDPOINT_URL_S3: s3Endpoint, AWS_ENDPOINT_URL_IAM: s3Endpoint }
    return (args: string[] = [], stdout?: number) =>
      run(t, environment(endpoints), ['verify', ...NO_DOORS, ...args], stdout ? { stdout } : {})
  }

  t.test('ends with 1 and a report for people when something was found', async (t) => {
    const verify = await verifying(t)
    const { code, stdout, stderr } = await outcome(t, verify())
    t.equal(code, 1)
    t.match(stdout, /^SeaweedFS 4\.48 at .*\nBROKEN: legitimate .*\n[^\n]+ inconclusive\.\n$/s)
    t.match(stderr, /^team-a against [^\n]+\n {2}100 of \d+ cases\n/)
  })

  t.test('writes JSON and nothing else with --json', async (t) => {
    const verify = await verifying(t)
    const { code, stdout } = await outcome(t, verify(['--json', 'team-a']))
    t.equal(code, 1)
    t.match(JSON.parse(stdout), {
      layout: 'per-profile',
      storeVersion: '4.48',
      pairs: [{ own: 'team-a', results: [{ kind: 'legitimate', verdict: 'broken' }] }],
      surroundings: [{ check: /^IAM/ }, ...NO_DOORS.map(() => ({ verdict: 'ok' }))]
    })
  })

  t.test('removes its marks when it is interrupted', async (t) => {
    const verify = await verifying(t)
    const started = verify()
    started.child.stderr?.once('data', () => started.child.kill('SIGINT'))
    const { code, stdout, stderr } = await outcome(t, started)
    t.equal(code, 2)
    t.equal(stdout, '')
    t.match(stderr, /\nInterrupted; the marks are removed\n$/)
  })

  t.test('that cannot be done ends with 2 and one line', async (t) => {
    const verify = await verifying(t)
    const denied = await verifying(t, { ListUsers: s3Error(403, 'AccessDenied') })
    const { s3Endpoint } = await refusingSettings()
    const absent = environment({ AWS_ENDPOINT_URL_S3: s3Endpoint })
    const cases: [what: string, started: () => ReturnType<typeof run>, line: RegExp][] = [
      ['an environment', () => run(t, environment({ PORT: 'http' }), ['verify']), /^Invalid env/],
      ['a profile', () => verify(['team-b']), /^Unknown profile "team-b"/],
      ['an answer', () => denied(), /^Object store refused listing the users .* \(HTTP 403\)$/],
      ['a store', () => run(t, absent, ['verify']), /^AWS_ENDPOINT_URL_S3: nobody listens at .*$/]
    ]
    for (const [what, started, line] of cases) {
      const { code, stdout, stderr } = await outcome(t, started())
      t.equal(code, 2, what)
      t.equal(stdout, '', what)
      t.match(stderr, /^[^\n]+\n$/, what)
      t.match(stderr.trim(), line, what)
    }
  })

  t.test('knows its options', async (t) => {
    const faulty: [args: string[], sentence: string][] = [
      [['--\u001b[2J'], "Unknown option '--\\u001b[2J'"],
      [['--filer', '--json'], "Option '--filer' argument is ambiguous"],
      [['--filer', 'seaweedfs:8888'], '--filer must be a URL without a path'],
      [['--volume', 'http://user:secret@volume'], '--volume must be a URL without a path']
    ]
    for (const [args, sentence] of faulty) {
      const { code, stdout, stderr } = await outcome(t, run(t, {}, ['verify', ...args]))
      t.equal(code, 2)
      t.equal(stdout, '')
      t.match(stderr, `${sentence}\nUsage: `)
    }
  })

  t.test('goes on to its end when nobody reads any more', async (t) => {
    const verify = await verifying(t)
    const started = verify()
    started.child.stdout?.destroy()
    started.child.stderr?.once('data', () => started.child.stderr?.destroy())
    const said = await started.stderr.catch(() => '')
    t.same(await started.ended, [1, null])
    t.notMatch(said, 'EPIPE')
  })

  const FULL = '/dev/full'
  t.test('says that the report cannot be written', { skip: !existsSync(FULL) }, async (t) => {
    const file = await open(FULL, 'w')
    t.teardown(() => file.close())
    const verify = await verifying(t)
    const { stderr, ended } = verify([], file.fd)
    t.same(await ended, [2, null])
    t.match(await stderr, /\nThe report cannot be written: [^\n]*ENOSPC[^\n]*\n$/)
  })
})

/** A store with one user, its bucket with an object in it, and a bucket of KFP's. */
async function keptStore(t: Test, script = {}) {
  const bucket = (name: string) =>
    `<Bucket><Name>${name}</Name><CreationDate>2020-01-31T12:00:00Z</CreationDate></Bucket>`
  const buckets = bucket('mlpipeline') + bucket(user)
  const object =
    '<Contents><Size>3</Size><LastModified>2020-01-31T12:00:00Z</LastModified></Contents>'
  const stub = await startStubStore(t, {
    ...tightStore({ [user]: accessKeyId }),
    'GET /': ok(`<ListAllMyBucketsResult><Buckets>${buckets}</Buckets></ListAllMyBucketsResult>`),
    [`GET /${user}?list-type`]: ok(`<ListBucketResult>${object}</ListBucketResult>`),
    ...script
  })
  const { s3Endpoint } = stub.settings
  const env = environment({ AWS_ENDPOINT_URL_S3: s3Endpoint, AWS_ENDPOINT_URL_IAM: s3Endpoint })
  return { stub, env }
}

t.test('sweep', async (t) => {
  const input = kubectlList(clusterOf('team-b'))

  t.test('prints the plan, writes nothing and ends with 1', async (t) => {
    const { env, stub } = await keptStore(t)
    const { code, stdout, stderr } = await outcome(t, run(t, env, ['sweep'], { input }))
    t.equal(code, 1)
    t.match(stdout, /^Left behind at http.*\n\nteam-a, which is gone\n {2}user .* disable /)
    t.match(stdout, / keep {5}1 object, 3 B, .*\n\n1 to disable, 1 kept\.\nNothing was done\./)
    t.match(stdout, /\nAt least half of the users of ours would go\..*--even-most\.\n$/)
    t.equal(stderr, 'The store has 1 users, 0 policies and 2 buckets\n')
    t.notMatch(stub.operations().join(), /Update|Delete|Detach|DELETE|PUT/)
  })

  t.test('does it with --apply', async (t) => {
    const { env, stub } = await keptStore(t)
    const timid = await outcome(t, run(t, env, ['sweep', '--apply'], { input }))
    t.equal(timid.code, 2)
    t.match(timid.stderr, /\nAt least half of the users of ours would go, so nothing was done: /)
    t.notMatch(stub.operations().join(), /Update|Delete/)

    const args = ['sweep', '--apply', '--even-most']
    const { code, stdout, stderr } = await outcome(t, run(t, env, args, { input }))
    t.equal(code, 1)
    t.equal(stub.request('UpdateAccessKey').form['Status'], 'Inactive')
    t.match(stdout, /\nDisabled 1, deleted 0, left 0\.\nWhen nobody misses /)
    t.match(stderr, new RegExp(`\ndisable user ${user}: done\n$`))
  })

  t.test('of a store where nothing is left behind ends with 0', async (t) => {
    const { env } = await keptStore(t, { ListUsers: iamAnswer('ListUsers') })
    const annotations = { 'pipelines.kubeflow.org/adopt-bucket': user }
    const list = kubectlList([...clusterOf(), profileObject('team-a', { annotations })])
    const { code, stdout } = await outcome(t, run(t, env, ['sweep', '--data'], { input: list }))
    t.equal(code, 0)
    t.match(stdout, /^Left behind at .*, per-profile layout: nothing\n$/)
  })

  t.test('that cannot be done ends with 2 and one line', async (t) => {
    const { env, stub } = await keptStore(t)
    const cases: [what: string, args: string[], input: string, line: RegExp][] = [
      ['no list', [], '', /^Nothing came on standard input; pipe `kubectl get profiles/],
      ['no JSON', [], 'NAME  AGE\n', /^Standard input is not JSON/],
      ['half a list', [], kubectlList([plainNamespace('default')]), /^The list is not whole: /],
      ['no option', ['--force'], input, /^Unknown option '--force'\nUsage: /],
      ['no profile', ['team-a'], input, /^Unexpected argument 'team-a'/]
    ]
    for (const [what, args, list, line] of cases) {
      const { code, stdout, stderr } = await outcome(
        t,
        run(t, env, ['sweep', ...args], { input: list })
      )
      t.equal(code, 2, what)
      t.equal(stdout, '', what)
      t.match(stderr, line, what)
    }
    t.same(stub.operations(), [])
  })

  t.test('ends at once when it is interrupted before it began', async (t) => {
    let interrupt: () => unknown = () => {}
    const hang = () => interrupt() && 'hang'
    const { env } = await keptStore(t, { ListUsers: hang })
    const started = run(t, env, ['sweep'], { input })
    interrupt = () => started.child.kill('SIGINT')
    const { code, stderr } = await outcome(t, started)
    t.equal(code, 2)
    t.equal(stderr, 'Interrupted; what is done stays done, and the next run goes on\n')
  })
})

t.test('doctor', async (t) => {
  const NO_DOORS = ['filer', 'master', 'volume'].map((door) => `--${door}=http://127.0.0.1:9`)
  const stub = await startStubStore(t, { otherwise: s3Error(403, 'InvalidAccessKeyId') })
  const { s3Endpoint } = stub.settings
  const env = environment({ AWS_ENDPOINT_URL_S3: s3Endpoint, AWS_ENDPOINT_URL_IAM: s3Endpoint })

  t.test('says what is wrong and ends with 1', async (t) => {
    const { code, stdout } = await outcome(t, run(t, env, ['doctor', ...NO_DOORS]))
    t.equal(code, 1)
    t.match(stdout, /\nfailed {3}S3 endpoint: AWS_ACCESS_KEY_ID: .*\n {9}-> give the key/)
    t.match(stdout, /\nskipped {2}Metacontroller: /)
  })

  t.test('judges what is piped in, and writes JSON with --json', async (t) => {
    const input = kubectlList([...clusterOf(), null])
    const args = ['doctor', '--json', ...NO_DOORS]
    const { code, stdout } = await outcome(t, run(t, env, args, { input }))
    t.equal(code, 1)
    const { findings } = JSON.parse(stdout)
    t.match(
      findings.find(({ check }: { check: string }) => check === 'controllers'),
      { verdict: 'failed', evidence: 'nobody calls the hook' }
    )
  })

  t.test('that cannot be done ends with 2 and one line', async (t) => {
    const faulty = await outcome(t, run(t, env, ['doctor', ...NO_DOORS], { input: 'NAME\n' }))
    t.equal(faulty.code, 2)
    t.match(faulty.stderr, /^Standard input is not JSON[^\n]+\n$/)
    const missing = await outcome(t, run(t, {}, ['doctor']))
    t.equal(missing.code, 2)
    t.match(missing.stderr, /^Invalid environment: [^\n]*AWS_ACCESS_KEY_ID[^\n]+\n$/)
    t.equal((await outcome(t, run(t, env, ['doctor', 'team-a']))).code, 2)
  })
})

t.test('init-secrets', async (t) => {
  t.test('needs nothing of the environment that it fills', async (t) => {
    const { env, folder, forbidden } = await startStubApiServer(t, new Map())
    const args = ['init-secrets', '--service-account', folder]
    const first = await outcome(t, run(t, env, args))
    t.equal(first.code, 0)
    t.match(first.stdout, /^(Secret [a-z0-9-]+: created\n){4}$/)
    forbidden.add('GET s3-profile-root-key')
    const second = await outcome(t, run(t, env, args))
    t.equal(second.code, 2)
    t.match(second.stdout, /\nSecret s3-profile-root-key: failed\nFAILED /)
  })

  t.test('outside of a pod ends with 2 and one line', async (t) => {
    const { code, stderr } = await outcome(t, run(t, {}, ['init-secrets']))
    t.equal(code, 2)
    t.match(stderr, /^This runs in a pod with a ServiceAccount token: [^\n]+\n$/)
  })
})

t.test('adopt', async (t) => {
  const line = `kubectl annotate profiles.kubeflow.org team-a pipelines.kubeflow.org/adopt-bucket=${user}`

  t.test('prints a script on standard output, and a sentence beside it', async (t) => {
    const { env } = await keptStore(t)
    const input = kubectlList([profileObject('team-a')])
    const { code, stdout, stderr } = await outcome(t, run(t, env, ['adopt'], { input }))
    t.equal(code, 0)
    t.equal(stdout, `${line} # 1 object, 3 B, newest 2020-01-31T12:00:00.000Z\n`)
    t.equal(stderr, '1 to give back, 0 to decide about\n')
    const blind = await outcome(t, run(t, env, ['adopt', '--parent', 'profile']))
    t.equal(blind.stdout, stdout, 'also without a list')
  })

  t.test('that cannot be done ends with 2 and one line', async (t) => {
    const { env } = await keptStore(t)
    const shared = { ...env, BUCKET_LAYOUT: 'shared' }
    const cases: [env: Record<string, string>, args: string[], line: RegExp][] = [
      [env, [], /^Say which to annotate: /],
      [env, ['--parent', 'pod'], /^Say which to annotate: /],
      [shared, ['--parent', 'profile'], /^With BUCKET_LAYOUT=shared there is nothing to adopt/]
    ]
    for (const [env, args, line] of cases) {
      const { code, stdout, stderr } = await outcome(t, run(t, env, ['adopt', ...args]))
      t.equal(code, 2)
      t.equal(stdout, '')
      t.match(stderr, line)
    }
  })
})
