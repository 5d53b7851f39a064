import t from 'tap'
import { printable } from '../../src/commands/printable.ts'

t.test('what a terminal would obey is shown as an escape', async (t) => {
  const lines: [raw: string, shown: string][] = [
    ['private-artifacts/team-a/modèle–1 ✓.bin', 'private-artifacts/team-a/modèle–1 ✓.bin'],
    ['\u001b[2JIsolated', '\\u001b[2JIsolated'],
    ['a\r\nIsolated: nothing was found.\t', 'a\\u000d\\u000aIsolated: nothing was found.\\u0009'],
    ['\u0000\u007f\u009b1A', '\\u0000\\u007f\\u009b1A'],
    ['\u202egnp.exe\u2066\u200b\u2028', '\\u202egnp.exe\\u2066\\u200b\\u2028'],
    ['\u{e0041}x', '\\udb40\\udc41x'],
    ['\u{1f600}', '\u{1f600}']
  ]
  for (const [raw, shown] of lines) t.equal(printable(raw), shown)
})

t.test('JSON stays the same JSON', async (t) => {
  const value = { name: '\u001b[2J\n\u009b\u202e\u{e0041}"\\' }
  const shown = printable(JSON.stringify(value))
  t.notMatch(shown, /[\p{Cc}\p{Cf}]/u)
  t.strictSame(JSON.parse(shown), value)
})
