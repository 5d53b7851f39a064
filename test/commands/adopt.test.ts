import t from 'tap'
import { planAdoption } from '../../src/commands/adopt.ts'
import { config } from '../fixtures/builders.ts'
import { buildFakeObjectStore } from '../fixtures/fake-object-store.ts'
import { clusterOf } from '../fixtures/kubectl.ts'
import { MADE_AT, serveWorld } from '../fixtures/served-world.ts'

const signal = new AbortController().signal
const [A, B] = ['profile-team-a-0123abcd', 'profile-team-b-0123abcd']

t.test('says which profiles may have which buckets back', async (t) => {
  const { world } = buildFakeObjectStore()
  for (const bucket of ['mlpipeline', 'somebodys', A, B]) world.buckets.add(bucket)
  world.objects.add(`${A}/model`)
  world.objects.add('somebodys/model')
  const settings = config({ AWS_ENDPOINT_URL_S3: await serveWorld(t, world) })
  const contents = `1 object, 10 B, newest ${new Date(MADE_AT).toISOString()}`
  const ofA = { namespace: 'team-a', bucket: A, contents, doubt: undefined }
  const ofB = { namespace: 'team-b', bucket: B, contents: 'no objects' }
  t.same(await planAdoption(settings, clusterOf('team-a'), signal), [
    ofA,
    { ...ofB, doubt: 'there is no such profile' }
  ])
  t.same(await planAdoption(settings, undefined, signal), [
    ofA,
    { ...ofB, doubt: 'nothing to have back' }
  ])
  t.same(world.writes, [])
})

t.test('has nothing to say where profiles share a bucket', async (t) => {
  const settings = config({ BUCKET_LAYOUT: 'shared' })
  await t.rejects(planAdoption(settings, [], signal), { message: /^With BUCKET_LAYOUT=shared / })
})
