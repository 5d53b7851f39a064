import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { namespaces, syncBody } from './cluster.ts'
import { median } from './figures.ts'
import { type HookProcess, startHook, startOurs } from './hook-process.ts'
import { type Load, load } from './load.ts'
import { onboard } from './metacontroller.ts'
import type { Results, Row } from './results.ts'
import { startStore } from './store.ts'
import { NO_SYNC_PY, SYNC_PY, startSyncPy } from './sync-py.ts'

const PROFILES = 20
const CONNECTIONS = 32
const ROUNDS = 3
const REQUESTS = 8_000
/** The compiler of Node wants to have seen the code some times. */
const WARM_UP = 4_000
/** sync.py is slower and its code is never compiled. */
const SYNC_PY_REQUESTS = 1_500

interface Subject {
  readonly hook: HookProcess
  readonly bodies: readonly string[]
  readonly requests: number
}

/** A sync of a profile at rest whose proof is fresh, beside the least that a server can do and beside sync.py. */
export async function steady(): Promise<Results> {
  const ours = await steadyHook('ours')
  const answer = ours.answer
  const subjects: Record<string, Subject> = {
    ours,
    'node:http': { ...ours, hook: await startFloor('bare-http', answer) },
    Fastify: { ...ours, hook: await startFloor('bare-fastify', answer) },
    ...(SYNC_PY && { 'sync.py': await steadyHook('sync.py') })
  }
  try {
    const loads = await roundsOf(subjects)
    return { rows: rowsOf(loads) }
  } finally {
    for (const { hook } of Object.values(subjects)) await hook.stop()
  }
}

/** Its store is gone before the first measured sync: none of them may need it. */
async function steadyHook(who: 'ours' | 'sync.py'): Promise<Subject & { answer: object }> {
  const isOurs = who === 'ours'
  const store = await startStore({ topology: isOurs ? 'tenant-gateway' : 'single-gateway' })
  try {
    const hook = await (isOurs ? startOurs(store, { VERIFY_INTERVAL: '1d' }) : startSyncPy(store))
    const names = namespaces(PROFILES)
    const { answers } = await onboard(hook, names, { timeoutMs: 30_000, limitMs: 120_000 })
    const bodies = names.map((name) => syncBody(name, answers.get(name)))
    const [attachments = []] = answers.values()
    const requests = isOurs ? REQUESTS : SYNC_PY_REQUESTS
    return { hook, bodies, requests, answer: { attachments } }
  } finally {
    await store.stop()
  }
}

async function startFloor(name: string, answer: object): Promise<HookProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'floor-'))
  const file = join(folder, 'answer.json')
  await writeFile(file, JSON.stringify(answer))
  const program = fileURLToPath(new URL(`floors/${name}.ts`, import.meta.url))
  try {
    return await startHook((port) => ({
      program: process.execPath,
      arguments: [program, String(port), file],
      environment: { NODE_ENV: 'production' },
      isReady: async (url) => {
        const { ok } = await fetch(`${url}/sync`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{}'
        })
        return ok
      }
    }))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** In turn, so that what disturbs the machine disturbs all of them. */
async function roundsOf(subjects: Record<string, Subject>): Promise<Record<string, Load>> {
  const loads: Record<string, Load[]> = {}
  for (const { hook, bodies, requests } of Object.values(subjects)) {
    await load(hook, bodies, Math.min(requests, WARM_UP), CONNECTIONS)
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, { hook, bodies, requests }] of Object.entries(subjects)) {
      loads[name] = [...(loads[name] ?? []), await load(hook, bodies, requests, CONNECTIONS)]
    }
  }
  return Object.fromEntries(Object.entries(loads).map(([name, all]) => [name, medianLoad(all)]))
}

function medianLoad(loads: readonly Load[]): Load {
  return {
    cpuMs: median(loads.map(({ cpuMs }) => cpuMs)),
    p99Ms: median(loads.map(({ p99Ms }) => p99Ms)),
    perSecond: median(loads.map(({ perSecond }) => perSecond))
  }
}

function rowsOf(loads: Record<string, Load>): Row[] {
  const row = (figure: keyof Load, work: string, name: string, ratio?: number): Row => ({
    work,
    unit: 'ms',
    ours: loads['ours']?.[figure] ?? Number.NaN,
    rival: { name, figure: loads[name]?.[figure] ?? NO_SYNC_PY },
    ...(ratio !== undefined && { target: { ratio } })
  })
  const cpu = 'steady sync, CPU per request (the store is gone meanwhile)'
  return [
    row('cpuMs', cpu, 'Fastify', 1.3),
    row('cpuMs', cpu, 'node:http'),
    row('cpuMs', cpu, 'sync.py', 0.4),
    row('p99Ms', `steady sync, p99 at ${CONNECTIONS} connections`, 'sync.py', 0.1)
  ]
}
