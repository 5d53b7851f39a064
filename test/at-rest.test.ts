import t from 'tap'
import { Answers } from '../src/answers.ts'
import type { Context } from '../src/context.ts'
import { Memory } from '../src/memory.ts'
import { HOOK_TOKEN, recording } from './fixtures/builders.ts'
import { buildFakeObjectStore } from './fixtures/fake-object-store.ts'
import { type Served, serve } from './fixtures/served.ts'

const headers = { authorization: `Bearer ${HOOK_TOKEN}`, 'content-type': 'application/json' }
const firstSync = recording('decorator/first-sync').calls[0]?.request
const DAY_MS = 86_400_000

/** A service on a fake store, and a profile at rest: what Metacontroller asks of it again and again. */
async function atRest(rotatesInSeconds?: number) {
  const { store, world } = buildFakeObjectStore()
  const served = serve(store, { VERIFY_INTERVAL: '1d' })
  const post = posterOf(served)
  const { attachments } = (await post('/sync', JSON.stringify(firstSync))).json()
  const [secret] = attachments
  secret.metadata.uid = 'secret-uid-1'
  const body = structuredClone(firstSync)
  if (rotatesInSeconds !== undefined) {
    const at = new Date((served.context.now() + rotatesInSeconds) * 1000).toISOString()
    body.object.metadata.annotations = { 'pipelines.kubeflow.org/rotate-credentials-at': at }
  }
  body.attachments = { 'Secret.v1': { 'team-a/mlpipeline-minio-artifact': secret } }
  const question = JSON.stringify(body)
  await post('/sync', question)
  const known = await post('/sync', question)
  t.match(known.json(), { attachments: [{ kind: 'Secret' }] })
  return { ...served, world, question, post, answer: known.body }
}

/** Of the calls from now on; whoever reads the profile claims its user. */
function claimsOf({ memory }: Context): string[] {
  const claims: string[] = []
  memory.claim = (user) => claims.push(user)
  return claims
}

/** The pair in the Secret of an answer. */
function accessKeyOf(answer: string) {
  const { accesskey } = JSON.parse(answer).attachments[0].data
  return { accessKeyId: Buffer.from(accesskey, 'base64').toString() }
}

function posterOf({ server }: Served) {
  return (url: string, payload: string, others: object = headers) =>
    server.inject({ method: 'POST', url, headers: { ...others }, payload })
}

t.test(
  'a profile at rest gets the same answer, to the byte, and nobody reads the call',
  async (t) => {
    const { world, context, question, post, answer, logged } = await atRest()
    const anew = await post('/sync', `${question} `)
    t.equal(anew.body, answer, 'as it is found anew')
    await post('/sync', question)
    const claims = claimsOf(context)
    const { calls } = world
    const linesBefore = logged()
    const known = await post('/sync', question)
    t.equal(known.body, answer)
    t.equal(known.headers['content-type'], anew.headers['content-type'])
    t.same(claims, [])
    t.equal(world.calls, calls, 'the store is not asked')
    const line = logged().slice(linesBefore.length)
    t.match(JSON.parse(line), { level: 20, msg: 'request completed', res: { statusCode: 200 } })
  }
)

t.test('only who may ask is answered', async (t) => {
  const { question, post } = await atRest()
  const { authorization: _, ...nobody } = headers
  t.equal((await post('/sync', question, nobody)).statusCode, 401)
  t.equal(
    (await post('/sync', question, { ...headers, authorization: 'Bearer other' })).statusCode,
    401
  )
})

t.test('who is seen again was not taken away', async (t) => {
  const { clock, question, post } = await atRest()
  const unseen = JSON.stringify(firstSync)
  t.equal((await post('/sync', unseen)).statusCode, 200)
  for (let second = 0; second < 30; second += 10) {
    clock.now += 10_000
    t.equal((await post('/sync', question)).statusCode, 200)
  }
  t.equal((await post('/sync', unseen)).statusCode, 200, 'not taken for somebody else’s Secret')
})

t.test('what is not at rest is looked at each time', async (t) => {
  const { context, world, question, post } = await atRest()
  const [user = ''] = [...world.users.keys()]
  await post('/sync', `${question} `)
  context.memory.suspect(user)
  const other = `${question}  `
  t.equal((await post('/sync', other)).statusCode, 200, 'found anew with the store')
  const { calls } = world
  t.equal((await post('/sync', other)).statusCode, 200)
  t.equal(world.calls, calls, 'the proof is new')
})

t.test('another question is another', async (t) => {
  const { world, question, post, answer } = await atRest()
  t.match((await post('/sync?dryRun=All', question)).json(), { dryRun: 'All' })
  const { calls } = world
  t.equal((await post('/sync?because=why', question)).body, answer, 'found anew')
  t.equal(world.calls, calls, 'with what is remembered of the proof')
  t.match((await post('/finalize', question)).json(), { attachments: [], finalized: false })
  t.equal((await post('/sync', question.slice(1))).statusCode, 400)
  const asText = { ...headers, 'content-type': 'application/json; charset=utf-8' }
  t.equal((await post('/sync', question, asText)).statusCode, 200)
})

t.test('of a profile only the last answer is kept', async (t) => {
  const answers = new Answers()
  const answer = { user: 'user-a', accessKeyId: 'KEY', secretUid: 'uid', dueAt: undefined }
  answers.keep('before', { ...answer, text: '1' })
  answers.keep('now', { ...answer, text: '2' })
  t.equal(answers.to('before'), undefined)
  t.match(answers.to('now'), { text: '2' })
})

t.test('answers whose proof is over are let go, whether somebody asks or not', async (t) => {
  let now = 0
  const memory = new Memory(1_000, () => now)
  const remember = (user: string) =>
    memory.rememberAnswer(`of ${user}`, {
      user,
      accessKeyId: 'KEY',
      secretUid: 'uid',
      dueAt: undefined,
      text: '{}'
    })
  memory.rememberProof('user-a', 'KEY', 'uid')
  remember('user-a')
  remember('user-b')
  t.match(memory.answerTo('of user-a'), { text: '{}' })
  t.equal(memory.answerTo('of user-b'), undefined, 'without a proof none is kept')
  now += 1_000
  memory.rememberProof('user-c', 'KEY', 'uid')
  remember('user-c')
  now -= 1
  t.equal(memory.answerTo('of user-a'), undefined, 'gone with the next that was kept')
  t.match(memory.answerTo('of user-c'), { text: '{}' })
})

t.test('the answer lasts as long as the proof', async (t) => {
  await t.test('and not longer', async (t) => {
    const { clock, world, question, post, answer } = await atRest()
    const { calls } = world
    clock.now += DAY_MS
    t.equal((await post('/sync', question)).body, answer)
    t.ok(world.calls > calls, 'it was proven again')
  })

  await t.test('and begins with it, even where something had to be mended', async (t) => {
    const { context, world, question, post, answer } = await atRest()
    const [user = ''] = [...world.users.keys()]
    context.memory.suspect(user)
    const other = `${question} `
    t.equal((await post('/sync', other)).body, answer, 'looked at and proven')
    const claims = claimsOf(context)
    t.equal((await post('/sync', other)).body, answer)
    t.same(claims, [])
  })

  await t.test('and not while the user is under suspicion', async (t) => {
    const { context, world, question, post } = await atRest()
    const [user = ''] = [...world.users.keys()]
    context.memory.suspect(user)
    const { calls } = world
    t.equal((await post('/sync', question)).statusCode, 200)
    t.ok(world.calls > calls, 'it was looked at')
  })

  await t.test('and not when the storage was taken away meanwhile', async (t) => {
    const { world, question, post } = await atRest()
    await post('/finalize', question)
    t.equal(world.users.size, 0)
    await post('/sync', question)
    t.equal(world.users.size, 1, 'it was given again')
  })

  await t.test('and not when it was taken away and proven anew before anybody asked', async (t) => {
    const { context, world, question, post, answer } = await atRest()
    const [user = ''] = [...world.users.keys()]
    const { accessKeyId } = accessKeyOf(answer)
    context.memory.forget(user, user)
    context.memory.rememberProof(user, accessKeyId, 'secret-uid-1')
    const claims = claimsOf(context)
    t.equal((await post('/sync', question)).statusCode, 200)
    t.same(claims, [user], 'the call was read')
  })

  await t.test('and not when another process has given the profile a newer key', async (t) => {
    const { context, world, question, post } = await atRest()
    const [user = ''] = [...world.users.keys()]
    context.memory.rememberProof(user, 'KFPNEWERKEY', 'secret-uid-1')
    const { calls } = world
    await post('/sync', question)
    t.ok(world.calls > calls)
  })
})

t.test(
  'what is planned is told by the time that is left, and is done when it is due',
  async (t) => {
    const { clock, world, question, post, answer } = await atRest(3_600)
    t.equal(JSON.parse(answer).resyncAfterSeconds, 3_600)
    clock.now += 600_000
    const known = await post('/sync', question)
    t.equal(known.json().resyncAfterSeconds, 3_000)
    const anew = await post('/sync', `${question} `)
    t.equal(known.body, anew.body, 'as it is found anew')
    await post('/sync', question)
    clock.now += 3_000_000
    const { calls } = world
    const rotated = await post('/sync', question)
    t.ok(world.calls > calls)
    const [before, after] = [answer, rotated.body].map(
      (text) => JSON.parse(text).attachments[0].data
    )
    t.not(after.accesskey, before.accesskey)
  }
)
