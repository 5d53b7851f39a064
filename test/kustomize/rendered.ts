import { execFile, spawnSync } from 'node:child_process'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { parseAllDocuments } from 'yaml'
import type { KubernetesObject } from '../../src/hooks.ts'

export const KUSTOMIZE = fileURLToPath(new URL('../../kustomize', import.meta.url))

const MEBIBYTE = 1024 * 1024

export interface Rendered extends KubernetesObject {
  readonly apiVersion: string
  readonly metadata: KubernetesObject['metadata'] & { readonly namespace?: string }
}

const run = promisify(execFile)

/** For every file that renders: a skip that is seen; with `CI` set the first render fails. */
if (spawnSync('kubectl', ['version', '--client']).error && !process.env['CI']) {
  t.plan(0, 'There is no kubectl')
  process.exit()
}

/** What kubectl's own kustomize makes of a folder; a relative path is one below kustomize/. */
export async function render(path: string): Promise<Rendered[]> {
  const folder = path.startsWith('/') ? path : join(KUSTOMIZE, path)
  const { stdout } = await run('kubectl', ['kustomize', folder], { maxBuffer: 64 * MEBIBYTE })
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null)
}

/**
 * A user's own kustomization, which may name folders only by relative paths: in `lines`, `<kustomize>` stands for the way
 * to ours, and `<kfp>` for the way to KFP's, where `KFP_MANIFESTS` names it.
 */
export function renderOwn(
  t: Test,
  lines: string,
  files: Record<string, string> = {}
): Promise<Rendered[]> {
  const folder = t.testdir(files)
  const text = lines
    .replaceAll('<kustomize>', relative(folder, KUSTOMIZE))
    .replaceAll('<kfp>', relative(folder, process.env['KFP_MANIFESTS'] ?? ''))
  return render(t.testdir({ ...files, 'kustomization.yaml': text }))
}

/** The one object of that kind and name; names that kustomize gave a hash are meant, too. */
export function find<T = Workload>(objects: readonly Rendered[], kind: string, name: string): T {
  const found = objects.filter((object) => object.kind === kind && isNamed(object, name))
  if (found.length !== 1) throw new Error(`There are ${found.length} objects ${kind} ${name}`)
  return found[0] as unknown as T
}

function isNamed({ metadata }: Rendered, name: string): boolean {
  return metadata.name === name || metadata.name.replace(/-[0-9a-z]{10}$/, '') === name
}

export interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly secretKeyRef?: { name: string; key: string; optional?: boolean }
    readonly configMapKeyRef?: { name: string; key: string; optional?: boolean }
  }
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly command?: string[]
  readonly args?: string[]
  readonly env: Variable[]
  readonly envFrom?: { configMapRef: { name: string } }[]
  readonly ports: { name?: string; containerPort: number }[]
  readonly [other: string]: unknown
}

export interface Workload extends Rendered {
  readonly spec: {
    readonly replicas: number
    readonly selector: { readonly matchLabels: Record<string, string> }
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> }
      readonly spec: {
        readonly containers: [Container, ...Container[]]
        readonly volumes?: { readonly name: string }[]
        readonly [other: string]: unknown
      }
    }
    readonly [other: string]: unknown
  }
}

export interface ConfigMap extends Rendered {
  readonly data: Record<string, string>
}

const NAME = 'kubeflow-pipelines-profile-controller'

export function hookOf(objects: readonly Rendered[]): Container {
  const [container, ...others] = find(objects, 'Deployment', NAME).spec.template.spec.containers
  if (others.length > 0) throw new Error('The hook has more than one container')
  return container
}

/**
 * The environment that the hook's process gets. Secrets and ConfigMaps that are not rendered are taken from `cluster`, by
 * `<name>/<key>`; optional ones that are not there either are left out.
 */
export function environmentOf(
  objects: readonly Rendered[],
  cluster: Readonly<Record<string, string>>
): Record<string, string> {
  const { env, envFrom = [] } = hookOf(objects)
  const environment: Record<string, string> = {}
  for (const { configMapRef } of envFrom) {
    Object.assign(environment, renderedData(objects, configMapRef.name))
  }
  for (const { name, value, valueFrom } of env) {
    const source = valueFrom?.secretKeyRef ?? valueFrom?.configMapKeyRef
    const { name: object = '', key = '' } = source ?? {}
    const found = value ?? renderedData(objects, object)[key] ?? cluster[`${object}/${key}`]
    if (found !== undefined) environment[name] = found
    else if (!source?.optional) throw new Error(`${object}/${key} is not there`)
  }
  return environment
}

function renderedData(objects: readonly Rendered[], name: string): ConfigMap['data'] {
  const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)
  return (map as ConfigMap | undefined)?.data ?? {}
}

/** The Secrets of an installation, with values that pass for real ones. */
export const SECRETS = {
  'mlpipeline-minio-artifact/accesskey': 'admin',
  'mlpipeline-minio-artifact/secretkey': 'secret',
  's3-profile-root-key/root-key': 'a root key of at least thirty-two bytes',
  's3-profile-hook-token-v1/token': 'a-token-of-at-least-16',
  'seaweedfs-jwt-keys/filer-signing-key': 'a-filer-signing-key-of-32-bytes.'
}
