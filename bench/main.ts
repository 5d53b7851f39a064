import { buckets } from './buckets.ts'
import { growth } from './growth.ts'
import { image } from './image.ts'
import { onboardFiveThousand, onboardThousand } from './many.ts'
import { memory } from './memory.ts'
import { onboardBesideSyncPy } from './onboard.ts'
import { machineTime, withheldSince } from './process-usage.ts'
import { renew } from './renew.ts'
import { type Results, rowText, withheldText, writeResults } from './results.ts'
import { start } from './start.ts'
import { steady } from './steady.ts'
import { NO_SYNC_PY, SYNC_PY } from './sync-py.ts'

const SHORT: Record<string, () => Promise<Results>> = {
  onboard: onboardBesideSyncPy,
  'onboard-1000': onboardThousand,
  steady,
  renew,
  start,
  memory,
  image
}
const LONG: Record<string, () => Promise<Results>> = {
  'onboard-5000': onboardFiveThousand,
  buckets,
  growth
}

const [set = 'short', ...names] = process.argv.slice(2)
const all = { ...SHORT, ...LONG }
const chosen =
  set === 'short' ? Object.keys(SHORT) : set === 'full' ? Object.keys(all) : [set, ...names]

if (SYNC_PY === undefined) say(`${NO_SYNC_PY.skipped}: nothing is measured beside it`)
for (const [index, name] of chosen.entries()) {
  const benchmark = all[name]
  if (benchmark === undefined) {
    say(`There is no benchmark ${name}; there are ${Object.keys(all).join(', ')}`)
    process.exit(2)
  }
  say(`${index + 1} of ${chosen.length}: ${name}`)
  const [beganAt, machine] = [performance.now(), machineTime()]
  try {
    const results = await benchmark()
    for (const row of results.rows) say(`  ${rowText(row)}`)
    const withheld = withheldSince(machine)
    say(`  ${withheldText(withheld)}`)
    writeResults(name, results, withheld)
  } catch (error) {
    say(`  could not be measured: ${(error as Error).message}`)
    process.exitCode = 1
  }
  say(`  took ${Math.round((performance.now() - beganAt) / 1000)} s`)
}
process.exit()

function say(line: string): void {
  console.log(line)
}
