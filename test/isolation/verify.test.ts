import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  CreateMultipartUploadCommand,
  GetBucketPolicyCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand
} from '@aws-sdk/client-s3'
import t, { type Test } from 'tap'
import type { SeaweedFs, SeaweedFsOptions } from '../../dev/seaweedfs.ts'
import type { VerifyReport } from '../../src/commands/verify.ts'
import { MARKS } from '../../src/matrix/scene.ts'
import { environment, HOOK_TOKEN, ROOT_KEY } from '../fixtures/builders.ts'
import { type ClusterView, clusterView } from '../fixtures/cluster-view.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { LAYOUTS, put, rootOf, type Service, startService } from '../fixtures/real-service.ts'
import { NAMESPACES } from './laboratory.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const DOORS = ['filer', 'master', 'volume'] as const
const NOWHERE = 'http://127.0.0.1:9'
const NO_DOORS = DOORS.map((door) => `--${door}=${NOWHERE}`)
const DEADLINE_MS = 120_000

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

/** The command as an operator runs it; gets a SIGINT as soon as it says `interruptAt`. */
async function run(
  env: Record<string, string>,
  args: readonly string[],
  interruptAt?: string
): Promise<Outcome> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [MAIN, 'verify', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE_MS
  })
  let [stdout, stderr, isInterrupted] = ['', '', false]
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    if (isInterrupted || interruptAt === undefined || !stderr.includes(interruptAt)) return
    isInterrupted = true
    child.kill('SIGINT')
  })
  const [code] = await once(child, 'close')
  return { code, stdout, stderr, seconds: (performance.now() - startedAt) / 1000 }
}

/** Two profiles with data of theirs on a store, and the command with the environment of the service. */
async function installation(
  t: Test,
  layout: (typeof LAYOUTS)[number],
  options: SeaweedFsOptions = {}
) {
  const seaweedFs = await realSeaweedFs(t, options)
  if (seaweedFs === undefined) return undefined
  const { iamEndpoint, s3Endpoint, admin } = seaweedFs
  const service = await startService(t, seaweedFs, iamEndpoint, layout)
  const views = NAMESPACES.map((name) => clusterView(service.url, name, `uid-of-${name}`))
  for (const view of views) {
    t.equal((await view.sync()).status, 200)
    await sowData(service, view)
  }
  const env = environment({
    BUCKET_LAYOUT: layout,
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    AWS_ENDPOINT_URL_IAM: iamEndpoint,
    AWS_ACCESS_KEY_ID: admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: admin.secretAccessKey
  })
  const secrets = [
    ...[ROOT_KEY, HOOK_TOKEN, admin.accessKeyId, admin.secretAccessKey],
    ...views.map(({ accessKey }) => accessKey.secretAccessKey)
  ]

  /** Whatever comes of it: no secret is said, and the store is as it was. */
  async function verify(args: readonly string[] = NO_DOORS, interruptAt?: string) {
    const before = await contentOf(service)
    const outcome = await run(env, args, interruptAt)
    const said = outcome.stdout + outcome.stderr
    t.same(
      secrets.filter((secret) => said.includes(secret)),
      [],
      'no secret is said'
    )
    t.same(await contentOf(service), before, 'nothing was changed and nothing is left')
    return outcome
  }
  return { seaweedFs, service, views, env, verify }
}

/** An object, an open upload, and both where a careless removal would take them along. */
async function sowData({ admin }: Service, view: ClusterView): Promise<void> {
  const { bucket, prefix } = rootOf(view)
  for (const name of ['model', `${MARKS}readme`, `${MARKS}${Date.now()}-of-another-run/object`]) {
    await put(admin, bucket, prefix + name)
  }
  const upload = { Bucket: bucket, Key: `${prefix}upload` }
  await admin.send(new CreateMultipartUploadCommand(upload))
}

/** Every object with its checksum, every open upload and every policy of every bucket. */
async function contentOf({ admin }: Service): Promise<string[]> {
  const { Buckets = [] } = await admin.send(new ListBucketsCommand())
  const lines: string[] = []
  for (const { Name: Bucket = '' } of Buckets) {
    const { Contents = [] } = await admin.send(new ListObjectsV2Command({ Bucket }))
    lines.push(...Contents.map(({ Key, ETag }) => `${Bucket} ${Key} ${ETag}`))
    const { Uploads = [] } = await admin.send(new ListMultipartUploadsCommand({ Bucket }))
    lines.push(...Uploads.map(({ Key, UploadId }) => `${Bucket} ${Key} upload ${UploadId}`))
    const command = new GetBucketPolicyCommand({ Bucket })
    const policy = await admin.send(command).catch(() => undefined)
    lines.push(`${Bucket} ${policy?.Policy}`)
  }
  return lines
}

/** As somebody might who wants to share a bucket quickly; returns when the gateway acts by it. */
async function openToEverybody(
  { s3Endpoint }: SeaweedFs,
  { admin }: Service,
  view: ClusterView,
  Action: string
): Promise<void> {
  const { bucket, prefix } = rootOf(view)
  const { Policy = '' } = await admin.send(new GetBucketPolicyCommand({ Bucket: bucket }))
  const { Version, Statement } = JSON.parse(Policy)
  const open = { Effect: 'Allow', Principal: '*', Action, Resource: `arn:aws:s3:::${bucket}/*` }
  const policy = { Version, Statement: [...Statement.filter(hasSid), open] }
  await admin.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(policy) }))
  for (let attempt = 0; attempt < 100; attempt++) {
    if ((await fetch(`${s3Endpoint}/${bucket}/${prefix}model`)).status === 200) return
    await pause(50)
  }
  throw new Error('the gateway does not hear of the policy')
}

function hasSid({ Sid }: { Sid?: string }): boolean {
  return Sid !== undefined
}

for (const layout of LAYOUTS) {
  t.test(`our topology with the ${layout} layout`, async (t) => {
    const field = await installation(t, layout)
    if (field === undefined) return
    const { seaweedFs, service, views, env, verify } = field

    await t.test('is isolated', async (t) => {
      const { code, stdout, stderr, seconds } = await verify()
      t.equal(code, 0, stdout + stderr)
      t.match(
        stdout,
        new RegExp(`^SeaweedFS 4\\.48 at ${seaweedFs.s3Endpoint}, ${layout} layout\n`)
      )
      t.match(stdout, /\nIsolated: nothing was found\.\n$/)
      t.comment(`two profiles took ${seconds.toFixed(1)} s`)
    })

    await t.test('is told as JSON and nothing else', async (t) => {
      const { code, stdout } = await verify([...NO_DOORS, '--json'])
      t.equal(code, 0)
      const { pairs, surroundings } = JSON.parse(stdout) as VerifyReport
      const [one, other] = NAMESPACES
      t.same(
        pairs.map(({ own, their }) => `${own} against ${their}`).sort(),
        [`${one} against ${other}`, `${other} against ${one}`].sort()
      )
      t.ok(pairs.every(({ results }) => results.length > 400 && !results.some(isFound)))
      t.equal(surroundings.length, 4)
    })

    await t.test('verifies a single profile against nobody', async (t) => {
      const { code, stdout } = await verify([...NO_DOORS, '--json', NAMESPACES[0]])
      t.equal(code, 0, stdout)
      const { pairs } = JSON.parse(stdout) as VerifyReport
      t.match(pairs, [{ own: NAMESPACES[0], their: '.s3-profile-controller/nobody' }])
      t.equal(pairs.length, 1)
    })

    await t.test('is left as it was by an interruption', async (t) => {
      for (const moment of [' against ', '  100 of', '  500 of']) {
        const { code, stdout, stderr } = await verify(NO_DOORS, moment)
        t.equal(code, 2)
        t.equal(stdout, '')
        t.match(stderr, /\nInterrupted; the marks are removed\n$/)
      }
    })

    await t.test('with doors that are open beside it, is not', async (t) => {
      const doors = DOORS.map((door) => `--${door}=${seaweedFs.sideDoors[door]}`)
      const { code, stdout } = await verify([...doors, NAMESPACES[0]])
      t.equal(code, 1)
      for (const [door, harm, remedy] of [
        ['filer', 'reads and writes every object', 'set WEED_JWT_FILER_SIGNING_KEY'],
        ['master', 'can delete whole buckets', 'admit nobody but SeaweedFS'],
        ['volume', 'reads objects by number', 'admit nobody but SeaweedFS']
      ] as const) {
        const hole = `HOLE  ${door} at ${seaweedFs.sideDoors[door]}: [^\n]*${harm}`
        t.match(stdout, new RegExp(`\n${hole}[^\n]*\n +-> ${remedy}`))
      }
      t.match(stdout, /\nNOT isolated: 3 holes, 0 broken, 0 inconclusive\.\n$/)
    })

    await t.test('cannot be verified', async (t) => {
      const wrongRootKey = { CREDENTIAL_ROOT_KEY: 'another-root-key-of-32-bytes-or-more' }
      const cases: [what: string, env: Record<string, string>, args: string[], said: RegExp][] = [
        ['for nobody', {}, ['team-z'], /^Unknown profile "team-z": /],
        ['with another root key', wrongRootKey, [], /^No key of user .* CREDENTIAL_ROOT_KEY/],
        [
          'where no store is',
          { AWS_ENDPOINT_URL_S3: NOWHERE },
          [],
          /^AWS_ENDPOINT_URL_S3: nobody listens/
        ],
        [
          'without IAM',
          { AWS_ENDPOINT_URL_IAM: NOWHERE },
          [],
          /^AWS_ENDPOINT_URL_IAM: nobody listens/
        ],
        ['with a wrong secret', { AWS_SECRET_ACCESS_KEY: 'wrong' }, [], /^AWS_SECRET_ACCESS_KEY: /]
      ]
      for (const [what, wrong, args, said] of cases) {
        const { code, stdout, stderr } = await run({ ...env, ...wrong }, [...NO_DOORS, ...args])
        t.equal(code, 2, what)
        t.equal(stdout, '', what)
        t.match(stderr, /^[^\n]+\n$/, `${what}: one line`)
        t.match(stderr, said, what)
      }
      const { code, stderr } = await run(env, ['--filters'])
      t.equal(code, 2)
      t.match(stderr, /^Unknown option '--filters'\nUsage: /)
    })

    for (const [action, groups] of [
      ['s3:GetObject', ['their objects', 'objects, unsigned']],
      ['s3:*', ['their objects', 'objects, unsigned', 'their uploads']]
    ] as const) {
      await t.test(`is not, once somebody gives everybody ${action}`, async (t) => {
        for (const view of views) await openToEverybody(seaweedFs, service, view, action)
        const { code, stdout, stderr } = await verify()
        t.equal(code, 1, stderr)
        for (const group of groups) t.match(stdout, `\nHOLE: ${group} (`)
        t.match(
          stdout,
          /\nHOLE: objects, unsigned .*?: it gave away the content of their object .*?\n {2}-> read the policy and the ACL of the bucket/s
        )
        t.match(stdout, /\nNOT isolated: \d+ holes, /)
      })
    }
  })
}

t.test('SeaweedFS 4.34 with the shared layout shows names through list markers', async (t) => {
  const field = await installation(t, 'shared', { version: '4.34' })
  if (field === undefined) return
  const { code, stdout } = await field.verify()
  t.equal(code, 1)
  t.match(stdout, /\nnote {2}List markers show [^\n]+ set BUCKET_LAYOUT=per-profile\n/)
  t.match(stdout, /\nHOLE: list markers .*\n {2}-> SeaweedFS 4\.48 or newer/s)
  const groups = [...stdout.matchAll(/^(?:HOLE|BROKEN|INCONCLUSIVE): (.*) \(/gm)]
  t.same(
    groups.map(([, group]) => group),
    ['list markers']
  )
})

t.test('KFP’s single gateway serves IAM to profiles', async (t) => {
  const field = await installation(t, 'per-profile', { topology: 'single-gateway' })
  if (field === undefined) return
  const { seaweedFs, verify } = field
  const { code, stdout } = await verify()
  t.equal(code, 1)
  const served = `HOLE  IAM on ${seaweedFs.s3Endpoint}: served on the endpoint that profiles use`
  t.match(stdout, new RegExp(`\n${served}[^\n]*\n +-> give profiles a gateway of their own`))
  t.match(stdout, /\nHOLE: identities, read .*\n {2}-> give profiles a gateway .*-iam=false/s)
})

t.test('a filer with signing keys refuses strangers', async (t) => {
  const field = await installation(t, 'per-profile', { engine: 'iam-manager' })
  if (field === undefined) return
  const { seaweedFs, verify } = field
  const { filer } = seaweedFs.sideDoors
  const { code, stdout } = await verify([...NO_DOORS, `--filer=${filer}`, NAMESPACES[0]])
  t.equal(code, 0, stdout)
  t.match(stdout, `ok    filer at ${filer}: refuses strangers (HTTP 401)`)
})

function isFound({ verdict }: { verdict: string }): boolean {
  return verdict !== 'ok'
}
