import t from 'tap'
import { buildFakeObjectStore } from '../fixtures/fake-object-store.ts'
import { testObjectStore } from '../fixtures/object-store-contract.ts'

t.test('the fake obeys the contract of the port', (t) =>
  testObjectStore(t, async () => {
    const { store, world } = buildFakeObjectStore()
    const put = async (bucket: string, key: string) => world.objects.add(`${bucket}/${key}`)
    return { store, writes: world.writes, put }
  })
)
