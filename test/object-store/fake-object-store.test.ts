import t from 'tap'
import { buildFakeObjectStore } from '../fixtures/fake-object-store.ts'
import { testObjectStore } from '../fixtures/object-store-contract.ts'

t.test('the fake obeys the contract of the port', (t) =>
  testObjectStore(t, async () => {
    const { store, world } = buildFakeObjectStore()
    return { store, writes: world.writes }
  })
)
