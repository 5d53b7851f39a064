import t from 'tap'
import { table, textOf } from '../../src/commands/text.ts'

t.test('columns stand one below the other', async (t) => {
  t.same(
    table([
      ['a', 'bcd', ''],
      ['efg', 'h', 'i']
    ]),
    ['a    bcd', 'efg  h    i']
  )
  t.same(table([]), [])
})

t.test('nothing in a line moves the cursor', async (t) => {
  t.equal(textOf(['a\u001b[2J', 'b\nc']), 'a\\u001b[2J\nb\\u000ac\n')
})
