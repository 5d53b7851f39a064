import t from 'tap'
import {
  ENGINES,
  type Engine,
  type IdentityApi,
  type Topology,
  VERSIONS,
  type Version
} from '../../dev/seaweedfs.ts'
import type { CaseResult } from '../../src/matrix/case-result.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { LAYOUTS } from '../fixtures/real-service.ts'
import { NAMESPACES, profilesOf, runMatrix } from './laboratory.ts'
import { RESIDUAL_HOLES } from './residual-holes.ts'
import { SYNC_PY_BUCKET, syncPyParties } from './sync-py.ts'

const MIN_CASES = 400

type Policies =
  | 'ours, a tenant gateway'
  | 'ours, through the filer'
  | 'ours, KFP’s single gateway'
  | 'sync.py’s (control)'

interface Row {
  readonly version: Version
  readonly engine: Engine
  readonly layout: string
  readonly policies: Policies
  readonly results: readonly CaseResult[]
}

const rows: Row[] = []

for (const version of VERSIONS) {
  for (const engine of ENGINES) {
    for (const layout of LAYOUTS) {
      for (const topology of ['tenant-gateway', 'single-gateway'] as const) {
        testProfiles(version, engine, layout, topology)
      }
    }
    testControl(version, engine)
  }
  // The filer's signing key makes the IAM manager decide, whoever asks for the other engine.
  for (const layout of LAYOUTS) {
    testProfiles(version, 'iam-manager', layout, 'tenant-gateway', 'filer')
  }
}

function testProfiles(
  version: Version,
  engine: Engine,
  layout: (typeof LAYOUTS)[number],
  topology: Topology,
  identityApi: IdentityApi = 'iam'
) {
  const name = `profiles on ${version}, ${engine}, ${layout}, ${topology}, ${identityApi}`
  t.test(name, async (t) => {
    const seaweedFs = await realSeaweedFs(t, { version, engine, topology, identityApi })
    if (seaweedFs === undefined) return
    const parties = await profilesOf(t, seaweedFs, layout)
    const results = await runMatrix(seaweedFs, parties, 'mlpipeline')
    const isSingle = topology === 'single-gateway'
    const behindGateway =
      identityApi === 'filer' ? 'ours, through the filer' : 'ours, a tenant gateway'
    const policies = isSingle ? 'ours, KFP’s single gateway' : behindGateway
    rows.push({ version, engine, layout, policies, results })

    t.ok(distinct(results).size >= MIN_CASES, `${distinct(results).size} distinct cases`)
    t.same(faults(results, 'broken'), [], 'everything legitimate works')
    t.same(faults(results, 'inconclusive'), [], 'no case was refused for a fault of its own')
    const known = RESIDUAL_HOLES.filter((hole) => hole.applies({ version, layout, topology }))
    const unknown = results.filter(
      (result) => result.verdict === 'hole' && !known.some((hole) => hole.explains(result))
    )
    t.same(unknown.map(lineOf), [], 'no hole that is not known by name')
    for (const hole of known) {
      t.ok(
        results.some((result) => result.verdict === 'hole' && hole.explains(result)),
        `still there: ${hole.name}`
      )
    }
  })
}

/** The matrix must find in sync.py's policies what is known to be wrong with them. */
function testControl(version: Version, engine: Engine) {
  t.test(`sync.py’s policies on ${version}, ${engine}: the control`, async (t) => {
    const options = { version, engine, topology: 'single-gateway' } as const
    const seaweedFs = await realSeaweedFs(t, options)
    if (seaweedFs === undefined) return
    const parties = await syncPyParties(seaweedFs, NAMESPACES)
    const results = await runMatrix(seaweedFs, parties, SYNC_PY_BUCKET)
    rows.push({ version, engine, layout: 'shared', policies: 'sync.py’s (control)', results })
    const holed = new Set(
      results.filter(({ verdict }) => verdict === 'hole').map(({ group }) => group)
    )
    const expected = [
      ...['shared areas', 'listings, unsigned', 'list markers', 'identities, read'],
      ...(version === '4.34'
        ? [
            'configuration of buckets, read',
            'configuration of buckets, written',
            'configuration of buckets, deleted',
            'deletion of buckets'
          ]
        : ['identities, written'])
    ]
    for (const group of expected) t.ok(holed.has(group), `the matrix bites: ${group}`)
    t.ok(faults(results, 'broken').length > 0, 'and something legitimate is refused')
  })
}

t.teardown(() => {
  process.stderr.write(`\n${table()}\n`)
})

function table(): string {
  const head = ['SeaweedFS', 'engine', 'layout', 'policies', 'cases', 'holes', 'broken']
  const lines = rows.map(({ version, engine, layout, policies, results }) => {
    const count = (verdict: CaseResult['verdict']) =>
      String(results.filter((result) => result.verdict === verdict).length)
    return [
      version,
      engine,
      layout,
      policies,
      String(results.length),
      count('hole'),
      count('broken')
    ]
  })
  const all = [head, ...lines]
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  return all
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n')
}

function distinct(results: readonly CaseResult[]): Set<string> {
  return new Set(results.map(lineOf))
}

function lineOf({ group, name, evidence }: CaseResult): string {
  return [group, name, evidence].filter(Boolean).join(' | ')
}

function faults(results: readonly CaseResult[], verdict: string): string[] {
  return results.filter((result) => result.verdict === verdict).map(lineOf)
}
