import { audit } from '../src/audit.ts'
import { loadConfig } from '../src/config.ts'
import { Memory } from '../src/memory.ts'
import { buildSeaweedFs } from '../src/object-store/seaweedfs.ts'
import { Turns } from '../src/turns.ts'

/** A program: one first pass of the audit over the store that the environment names, and what it came to as JSON. */
const { store: settings, profile } = loadConfig(process.env)
let writes = 0
const store = buildSeaweedFs(settings, profile.commonBucket, () => {
  writes += 1
})
const quiet = { info() {}, warn() {} }
const context = {
  settings: profile,
  store,
  memory: new Memory(0, () => performance.now()),
  turns: new Turns(),
  log: quiet
}
// As in the service, which has asked the store long before: libraries are loaded, connections open.
await store.checkReadiness({ namespace: '(audit)', signal: AbortSignal.timeout(10_000) })
const beganAt = performance.now()
const { users, findings } = await audit(context, new AbortController().signal)
const ms = performance.now() - beganAt
process.stdout.write(JSON.stringify({ ms, users, findings, writes }))
process.exit()
