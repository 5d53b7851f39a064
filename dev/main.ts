import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import type { Attachment } from '../src/desired/attachments.ts'
import { isFree } from './free-ports.ts'
import { type Hook, startHook } from './hook.ts'
import { type SeaweedFs, startSeaweedFs } from './seaweedfs.ts'

const DEFAULT_PORT = 8080

/** A sample profile after its first sync. */
interface Synced {
  readonly namespace: string
  readonly milliseconds: number
  readonly attachments: readonly Attachment[]
  readonly accessKey: { readonly accessKeyId: string; readonly secretAccessKey: string }
  readonly bucket: string
}

const cleanups: (() => Promise<void>)[] = []
let isClosing = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => close(0))

try {
  await demo()
} catch (error) {
  if (!isClosing) say(`\n${(error as Error).message}`)
  await close(1)
}

async function demo(): Promise<void> {
  const port = portFrom('PORT') ?? DEFAULT_PORT
  if (!(await isFree(port))) {
    throw new Error(
      `Port ${port} is already in use, perhaps by an earlier run that was killed; set PORT to another one`
    )
  }

  step('A real SeaweedFS, with a gateway of its own for profiles')
  const [s3Port, iamPort] = [portFrom('DEV_S3_PORT'), portFrom('DEV_IAM_PORT')]
  const seaweedFs = await startSeaweedFs({
    ...(s3Port && { s3Port }),
    ...(iamPort && { iamPort }),
    onProgress: say
  })
  cleanups.push(() => seaweedFs.stop())
  say(
    `${seaweedFs.description}: profiles ${seaweedFs.s3Endpoint}, identities ${seaweedFs.iamEndpoint}`
  )

  step('The hook')
  const hook = await startHook(seaweedFs, port)
  cleanups.push(() => hook.stop())
  say(`ready on ${hook.url}`)

  step('Two profiles arrive, as Metacontroller would announce them')
  const teamA = await sync(hook, 'team-a')
  const teamB = await sync(hook, 'team-b')
  for (const team of [teamA, teamB]) show(team)

  step('What the keys are good for')
  await tryOut(seaweedFs, teamA, teamB)

  step('Your turn; Ctrl-C stops everything and removes the data')
  suggest(seaweedFs, hook, teamA)
  const code = await hook.ended
  if (!isClosing) throw new Error(`The hook ended by itself with code ${code}`)
}

async function sync(hook: Hook, namespace: string): Promise<Synced> {
  const startedAt = performance.now()
  const response = await fetch(`${hook.url}/sync`, {
    method: 'POST',
    headers: { authorization: `Bearer ${hook.token}`, 'content-type': 'application/json' },
    body: await readFile(requestFile(namespace))
  })
  const answer = (await response.json()) as { attachments: Attachment[]; message?: string }
  if (!response.ok) throw new Error(`Sync of ${namespace} failed: ${answer.message}`)
  const { attachments } = answer
  const milliseconds = Math.round(performance.now() - startedAt)
  const accessKey = {
    accessKeyId: decoded(attachments, 'accesskey'),
    secretAccessKey: decoded(attachments, 'secretkey')
  }
  const root = attachments.find(({ metadata }) => metadata.name === 'kfp-launcher')?.data
  const bucket = new URL(root?.['defaultPipelineRoot'] ?? '').host
  return { namespace, milliseconds, attachments, accessKey, bucket }
}

function decoded(attachments: readonly Attachment[], key: string): string {
  const secret = attachments.find(({ kind }) => kind === 'Secret')
  return Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()
}

function show({ namespace, milliseconds, attachments }: Synced): void {
  say(`${namespace}: ${attachments.length} objects in ${milliseconds} ms`)
  for (const { kind, metadata, data = {} } of attachments) {
    say(`  ${kind} ${metadata.name}`)
    for (const [key, value] of Object.entries(data)) {
      say(`    ${key}: ${kind === 'Secret' ? `${value.slice(0, 4)}…` : value}`)
    }
  }
}

async function tryOut(seaweedFs: SeaweedFs, teamA: Synced, teamB: Synced): Promise<void> {
  const Key = `private-artifacts/${teamA.namespace}/hello.txt`
  const object = { Bucket: teamA.bucket, Key }
  const asA = clientOf(seaweedFs, teamA)
  await asA.send(new PutObjectCommand({ ...object, Body: 'hello from team-a' }))
  say(`team-a writes s3://${teamA.bucket}/${Key}`)
  const read = await asA.send(new GetObjectCommand(object))
  say(`team-a reads it back: ${await read.Body?.transformToString()}`)
  const refusal = await clientOf(seaweedFs, teamB)
    .send(new GetObjectCommand(object))
    .then(
      () => undefined,
      (error: Error) => error.name
    )
  if (refusal === undefined) throw new Error('team-b could read the object of team-a')
  say(`team-b tries to read it: ${refusal}`)
}

function suggest(seaweedFs: SeaweedFs, hook: Hook, team: Synced): void {
  const post = `curl -s -H 'Authorization: Bearer ${hook.token}' -H 'Content-Type: application/json' --data @dev/requests/team-a.json`
  const { accessKeyId, secretAccessKey } = team.accessKey
  const object = `${seaweedFs.s3Endpoint}/${team.bucket}/private-artifacts/team-a/hello.txt`
  say('# what a sync would do, secrets redacted, nothing written')
  say(`${post} '${hook.url}/sync?dryRun=All'`)
  say('# the sync itself: the same key, whenever and however often you ask')
  say(`${post} ${hook.url}/sync`)
  say("# team-a's key at work")
  say(`curl -s --aws-sigv4 aws:amz:us-east-1:s3 -u '${accessKeyId}:${secretAccessKey}' ${object}`)
  say('# the profile goes: its key is dead at once, the data stays')
  say(`${post} ${hook.url}/finalize`)
  say('# health and numbers')
  say(`curl -s ${hook.url}/readyz; curl -s ${hook.url}/metrics | grep s3p_`)
}

function clientOf({ s3Endpoint }: SeaweedFs, { accessKey }: Synced): S3Client {
  return new S3Client({
    endpoint: s3Endpoint,
    region: 'us-east-1',
    credentials: accessKey,
    forcePathStyle: true
  })
}

function requestFile(namespace: string): string {
  return fileURLToPath(new URL(`requests/${namespace}.json`, import.meta.url))
}

function portFrom(name: string): number | undefined {
  const text = process.env[name]
  if (!text) return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port
  throw new Error(`${name} must be a port number, not ${text}`)
}

async function close(code: number): Promise<void> {
  if (isClosing) return
  isClosing = true
  for (const cleanup of cleanups.reverse()) await cleanup().catch(() => {})
  say(code === 0 ? '\nStopped; the data is gone.' : 'Stopped.')
  process.exit(code)
}

function step(title: string): void {
  say(`\n== ${title}`)
}

function say(line: string): void {
  console.log(line)
}
