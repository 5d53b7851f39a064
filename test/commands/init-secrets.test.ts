import t, { type Test } from 'tap'
import { initSecrets, NEEDED_SECRETS } from '../../src/commands/init-secrets.ts'
import { exitCodeOfInit, initSecretText } from '../../src/commands/init-secrets-report.ts'
import { connectFromPod } from '../../src/commands/kubernetes-api.ts'
import { startStubApiServer } from '../fixtures/stub-api-server.ts'

const NAMES = NEEDED_SECRETS.map(({ name }) => name)
const [ADMIN = '', ROOT_KEY = ''] = NAMES

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** A cluster with these Secrets, and the command on it. */
async function clusterWith(t: Test, given: Record<string, Record<string, string>> = {}) {
  const secrets = new Map(Object.entries(given).map(([name, data]) => [name, { data }]))
  const stub = await startStubApiServer(t, secrets)
  const run = async () => {
    const api = await connectFromPod(stub.env, stub.folder)
    return Array.fromAsync(initSecrets(api))
  }
  const textIn = (name: string, key: string) =>
    Buffer.from(secrets.get(name)?.data[key] ?? '', 'base64').toString()
  return { ...stub, secrets, run, textIn }
}

t.test('creates every Secret once', async (t) => {
  const { run, textIn, secrets, requests } = await clusterWith(t)
  const outcomes = await run()
  t.same(
    outcomes,
    NAMES.map((name) => ({ name, result: 'created', warnings: [] }))
  )
  t.equal(exitCodeOfInit(outcomes), 0)
  t.match(textIn(ADMIN, 'accesskey'), /^[A-Z2-7]{20}$/)
  t.match(textIn(ADMIN, 'secretkey'), /^[0-9a-f]{60}$/)
  for (const [name, key] of [
    [ROOT_KEY, 'root-key'],
    ['s3-profile-hook-token-v1', 'token'],
    ['seaweedfs-jwt-keys', 'filer-signing-key'],
    ['seaweedfs-jwt-keys', 'filer-signing-read-key']
  ] as const) {
    t.match(textIn(name, key), /^[0-9a-f]{64}$/, `${name} ${key}`)
  }
  const values = [...secrets.values()].flatMap(({ data }) => Object.values(data))
  t.equal(new Set(values).size, values.length, 'no value twice')

  const before = structuredClone(secrets)
  requests.splice(0)
  t.same(
    await run(),
    NAMES.map((name) => ({ name, result: 'was there', warnings: [] }))
  )
  t.same(secrets, before)
  t.same(
    requests,
    NAMES.map((name) => `GET ${name}`),
    'and writes nothing'
  )
})

t.test('goes on where a run before it was killed', async (t) => {
  const whole = { accesskey: base64('a'), secretkey: base64('s') }
  const { run, secrets } = await clusterWith(t, { [ADMIN]: whole })
  const [first, ...others] = await run()
  t.match(first, { name: ADMIN, result: 'was there' })
  for (const { result } of others) t.equal(result, 'created')
  t.same(secrets.get(ADMIN)?.data, whole)
})

t.test('leaves what came between its look and its write', async (t) => {
  const { run, secrets, hooks } = await clusterWith(t)
  hooks.beforeApply = (name) => {
    if (name === ROOT_KEY) secrets.set(name, { data: { 'root-key': base64('of another run') } })
  }
  const outcomes = await run()
  t.same(
    outcomes.map(({ result }) => result),
    ['created', 'was there', 'created', 'created']
  )
  t.same(secrets.get(ROOT_KEY)?.data, { 'root-key': base64('of another run') })
})

t.test('fills nothing in', async (t) => {
  const half = { accesskey: base64('a'), secretkey: '' }
  const { run, secrets } = await clusterWith(t, { [ADMIN]: half, 'seaweedfs-jwt-keys': {} })
  const outcomes = await run()
  t.match(outcomes[0], {
    result: 'failed',
    warnings: [/^Secret .* is there and has no secretkey;/]
  })
  t.match(outcomes.at(-1)?.warnings[0], 'has no filer-signing-key and no filer-signing-read-key;')
  t.equal(exitCodeOfInit(outcomes), 2)
  t.same(secrets.get(ADMIN)?.data, half)
  t.equal(outcomes[1]?.result, 'created', 'the others are made')
})

t.test('says what it may not do', async (t) => {
  const { run, forbidden, secrets } = await clusterWith(t)
  forbidden.add(`GET ${ADMIN}`).add(`PATCH ${ROOT_KEY}`)
  const outcomes = await run()
  t.match(outcomes[0]?.warnings, [/refuses to read Secret .* \(HTTP 403\): cannot GET mlpipeline/])
  t.match(outcomes[1]?.warnings, [/refuses to create Secret .* \(HTTP 403\): cannot PATCH s3-pro/])
  t.equal(exitCodeOfInit(outcomes), 2)
  t.notOk(secrets.has(ADMIN))
})

t.test('a Secret without data lacks its keys', async (t) => {
  const { run, secrets } = await clusterWith(t)
  secrets.set(ROOT_KEY, {} as never)
  t.match((await run())[1]?.warnings, [/has no root-key;/])
})

t.test('warns of the password that everybody knows, and leaves it', async (t) => {
  const stock = { accesskey: base64('minio'), secretkey: base64('minio123') }
  const { run, secrets } = await clusterWith(t, { [ADMIN]: stock })
  const outcomes = await run()
  const [first] = outcomes
  t.match(first, { result: 'was there', warnings: [/holds the password that everybody knows/] })
  t.equal(exitCodeOfInit(outcomes), 0)
  t.same(secrets.get(ADMIN)?.data, stock)
})

t.test('a line for each Secret, and one for each warning', async (t) => {
  const name = 'a-secret'
  t.equal(initSecretText({ name, result: 'created', warnings: [] }), 'Secret a-secret: created\n')
  t.equal(
    initSecretText({ name, result: 'was there', warnings: ['mind it'] }),
    'Secret a-secret: was there\nWARNING mind it\n'
  )
  t.equal(
    initSecretText({ name, result: 'failed', warnings: ['why'] }),
    'Secret a-secret: failed\nFAILED  why\n'
  )
})
