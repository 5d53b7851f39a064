import t from 'tap'
import { doctorJson, doctorText, exitCodeOfDoctor } from '../../src/commands/doctor-report.ts'
import { failed, ok, skipped, warning } from '../../src/commands/finding.ts'

const ALL = [
  ok('one', 'is fine'),
  warning('two', 'is odd', 'look'),
  failed('three', 'is wrong', 'mend'),
  skipped('four', 'is unseen', 'give')
]

t.test('a line for each check, and what to do', async (t) => {
  t.equal(
    doctorText(ALL),
    [
      'ok       one: is fine',
      'warning  two: is odd',
      '         -> look',
      'failed   three: is wrong',
      '         -> mend',
      'skipped  four: is unseen',
      '         -> give',
      '',
      '1 failed, 1 warnings, 1 skipped.',
      ''
    ].join('\n')
  )
})

t.test('the same for programs', async (t) => {
  t.same(JSON.parse(doctorJson(ALL)), { findings: ALL })
})

t.test('only a failure is found', async (t) => {
  t.equal(exitCodeOfDoctor(ALL), 1)
  t.equal(exitCodeOfDoctor(ALL.filter(({ verdict }) => verdict !== 'failed')), 0)
})
