import t from 'tap'
import { codeOf } from '../../src/matrix/case-result.ts'
import { answer, refusal } from '../fixtures/matrix.ts'

t.test('codeOf reads the store’s own word for what is wrong', async (t) => {
  t.equal(codeOf(refusal('AccessDenied')), 'AccessDenied')
  t.equal(codeOf(answer(405, 'Method Not Allowed')), '')
})
