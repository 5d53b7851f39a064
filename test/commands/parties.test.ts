import t from 'tap'
import { findParties } from '../../src/commands/parties.ts'
import { accessKeyFor } from '../../src/desired/credentials.ts'
import { planFor } from '../../src/desired/plan.ts'
import { CommandFailed } from '../../src/errors.ts'
import { budget, config, profile, ROOT_KEY } from '../fixtures/builders.ts'
import { newStory, sync } from '../fixtures/story.ts'

const rootKey = Buffer.from(ROOT_KEY)

/** A store with these profiles, as the service made them. */
async function installation(namespaces: string[], environment: Record<string, string> = {}) {
  const { context, world } = newStory(environment)
  for (const namespace of namespaces) await sync(context, profile({ namespace }))
  const { settings, store } = context
  const userOf = (namespace: string, incarnation = profile().incarnation) =>
    planFor(profile({ namespace, incarnation }), settings).user
  const find = (named: string[] = [], others: Record<string, string> = environment) =>
    findParties(named, config(others).profile, store, budget())
  const failure = (named?: string[], others?: Record<string, string>) =>
    find(named, others).then(
      () => 'no failure',
      (error: Error) => (error instanceof CommandFailed ? error.message : error)
    )
  const keysOf = (user: string) => world.users.get(user)?.keys ?? new Map()
  return { context, world, userOf, find, failure, keysOf }
}

for (const [layout, bucketOf] of [
  ['per-profile', (user: string) => user],
  ['shared', () => 'mlpipeline']
] as const) {
  t.test(`in the ${layout} layout, all profiles of the store are found, in order`, async (t) => {
    const environment = { BUCKET_LAYOUT: layout }
    const { find, userOf } = await installation(['team-b', 'team-a'], environment)
    t.strictSame(
      await find(),
      ['team-a', 'team-b'].map((namespace) => ({
        namespace,
        user: userOf(namespace),
        accessKey: accessKeyFor(rootKey, userOf(namespace), 0),
        bucket: bucketOf(userOf(namespace)),
        prefix: `private-artifacts/${namespace}/`
      }))
    )
  })
}

t.test('only those named are taken, each once, in the order of their names', async (t) => {
  const { find } = await installation(['team-a', 'team-b', 'team-a-2', 'team-c'])
  const named = await find(['team-c', 'team-a', 'team-c'])
  t.same(
    named.map(({ namespace }) => namespace),
    ['team-c', 'team-a']
  )
})

t.test('both lives of a profile are found, named or not', async (t) => {
  const { context, find, userOf } = await installation(['team-a'])
  await sync(context, profile({ incarnation: 'another-life' }))
  const users = [userOf('team-a'), userOf('team-a', 'another-life')].sort()
  for (const named of [[], ['team-a']]) {
    t.same(
      (await find(named)).map(({ user }) => user),
      users
    )
  }
})

t.test('users that are not ours are left alone', async (t) => {
  const { world, find } = await installation(['team-a'])
  for (const user of ['admin', 'profile-x', 'profile-team_b-01234567', 'team-a']) {
    world.users.set(user, { policies: new Set(), keys: new Map() })
  }
  t.equal((await find()).length, 1)
})

t.test('the newest key that works and is ours is taken', async (t) => {
  const { find, userOf, keysOf } = await installation(['team-a'])
  const user = userOf('team-a')
  const keys = keysOf(user)
  for (const [epoch, isActive] of [
    [7, true],
    [9, false]
  ] as const) {
    const { accessKeyId, secretAccessKey } = accessKeyFor(rootKey, user, epoch)
    keys.set(accessKeyId, { secretAccessKey, isActive })
  }
  keys.set('KFPZZZZZZZZZZZZZZZZZ', { secretAccessKey: 'somebody’s', isActive: true })
  t.same((await find())[0]?.accessKey, accessKeyFor(rootKey, user, 7))
})

t.test('a name too long for its user', async (t) => {
  const long = 'n'.repeat(60)

  t.test('is known when it is named', async (t) => {
    for (const BUCKET_LAYOUT of ['per-profile', 'shared']) {
      const { find } = await installation([long], { BUCKET_LAYOUT })
      t.match(await find([long]), [{ namespace: long, prefix: `private-artifacts/${long}/` }])
    }
  })

  t.test('matters only where profiles share a bucket', async (t) => {
    const { find } = await installation([long])
    t.match(await find(), [{ namespace: /^n{37}-[0-9a-f]{8}$/ }])
    const { failure, userOf } = await installation([long], { BUCKET_LAYOUT: 'shared' })
    t.equal(
      await failure(),
      `The name of user ${userOf(long)} does not hold the whole name of its profile; name the profiles to verify`
    )
  })
})

t.test('what there is nothing to verify with is said in one sentence', async (t) => {
  const { failure, userOf, keysOf, context } = await installation(['team-a'])
  const user = userOf('team-a')
  const unknown = (name: string) => `Unknown profile ${name}: the store has no user of it`
  t.equal(await failure(['team-a', 'team-b']), unknown('"team-b"'))
  t.equal(await failure(['team']), unknown('"team"'), 'the start of another’s name')
  t.equal(await failure(['']), unknown('""'))
  t.equal(await failure(['.*']), unknown('".*"'), 'no pattern')
  t.equal(await failure(['a\u001b[2J\n']), unknown('"a\\u001b[2J\\n"'))
  t.equal(await failure(['A'.repeat(100)]), unknown(`"${'A'.repeat(80)}"`))
  t.equal(
    await failure([], { NAME_PREFIX: 'other-' }),
    'The store has no profile: no user is named other-…'
  )

  const notDerived = `No key of user ${user} is active and derived from CREDENTIAL_ROOT_KEY; is it the root key of this installation?`
  const CREDENTIAL_ROOT_KEY = 'another-root-key-of-32-bytes-or-more'
  t.equal(await failure([], { CREDENTIAL_ROOT_KEY }), notDerived)
  const keys = keysOf(user)
  for (const key of keys.values()) key.isActive = false
  t.equal(await failure(), notDerived)
  keys.clear()
  t.equal(await failure(), `User ${user} of profile team-a has no key`)

  const gone = {
    ...context.store,
    readIdentity: async () => undefined,
    listUsers: async () => [user]
  }
  await t.rejects(findParties([], config().profile, gone, budget()), {
    message: `User ${user} of profile team-a has no key`
  })
})
