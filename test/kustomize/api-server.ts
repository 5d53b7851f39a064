import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { missingPrograms, startApiServer } from '../cluster/control-plane.ts'
import { connect, hasKubectl, type Kubernetes } from '../cluster/kubernetes.ts'
import { newProcesses } from '../cluster/processes.ts'
import { skip } from '../fixtures/skip.ts'
import { definitionOf } from './permissive-crds.ts'
import type { Rendered } from './rendered.ts'

/** Those that make pods, and what these need to be let in. */
const CONTROLLERS = [
  'serviceaccount-controller',
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'job-controller',
  'cronjob-controller',
  'namespace-controller',
  'garbage-collector-controller'
]

/** A cluster without nodes: everything is accepted, created and left pending, or refused. */
export interface ApiServer extends Kubernetes {
  /** As a platform engineer does it. @returns what kubectl said, warnings included */
  apply(folder: string): Promise<string>
  /** What another apply would change; empty when nothing. */
  diff(folder: string): Promise<string>
  /** Makes the API server know every kind that is among the objects. */
  define(objects: readonly Rendered[]): Promise<void>
}

/**
 * With the namespace kubeflow, where Pod Security `restricted` is enforced. Undefined after the test was skipped
 * for lack of the binaries; in CI a lack is a failure.
 */
export async function apiServer(t: Test): Promise<ApiServer | undefined> {
  const lack = await lackOf()
  if (lack !== undefined) return skip(t, lack)
  const processes = newProcesses()
  t.teardown(() => processes.stop())
  const assets = String(process.env['KUBEBUILDER_ASSETS'])
  const kubernetes = await connect(await startApiServer(processes, assets, CONTROLLERS), processes)
  const levels = ['enforce', 'warn'].map((mode) => [
    `pod-security.kubernetes.io/${mode}`,
    'restricted'
  ])
  await kubernetes.create('/api/v1/namespaces', {
    metadata: { name: 'kubeflow', labels: Object.fromEntries(levels) }
  })

  const kubectl = (...line: string[]) => said(['--kubeconfig', kubernetes.kubeconfig, ...line])
  return {
    ...kubernetes,
    apply: (folder) => kubectl('apply', '-k', folder),
    diff: (folder) => kubectl('diff', '-k', folder).catch((error: Error) => error.message),
    async define(objects) {
      const definitions = objects.flatMap(definitionOf)
      const { METACONTROLLER_CRDS } = process.env
      if (METACONTROLLER_CRDS) await kubectl('apply', '--server-side', '-f', METACONTROLLER_CRDS)
      const known = await kubernetes.list('/apis/apiextensions.k8s.io/v1/customresourcedefinitions')
      const names = new Set(known.map(({ metadata }) => metadata.name))
      const byName = new Map(definitions.map((one) => [one.metadata.name, one]))
      const missing = [...byName.values()].filter(({ metadata }) => !names.has(metadata.name))
      if (missing.length > 0) {
        const file = join(processes.folder, 'definitions.json')
        writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: missing }))
        await kubectl('apply', '-f', file)
      }
      if (missing.length + known.length > 0) {
        await kubectl('wait', '--for=condition=established', '--timeout=60s', 'crd', '--all')
      }
    }
  }
}

/** What the machine lacks for a real API server, if anything. */
export async function lackOf(): Promise<string | undefined> {
  const { KUBEBUILDER_ASSETS: assets } = process.env
  if (!(await hasKubectl())) return 'There is no kubectl'
  if (!assets) return 'KUBEBUILDER_ASSETS names no folder with a kube-apiserver'
  const missing = missingPrograms(assets)
  return missing.length > 0 ? `There is no ${missing.join(', ')}` : undefined
}

function said(line: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('kubectl', line, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`kubectl ${line.slice(2).join(' ')}: ${stderr || error.message}`))
      else resolve(stdout + stderr)
    })
  })
}
