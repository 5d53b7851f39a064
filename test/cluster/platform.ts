import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { SeaweedFs } from '../../dev/seaweedfs.ts'
import { HOOK_TOKEN } from '../fixtures/builders.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import type { Cluster } from './cluster.ts'
import { connect, type Kubernetes } from './kubernetes.ts'
import { startCluster } from './start-cluster.ts'

export type Controller = 'decorator' | 'composite'

const MANIFESTS = fileURLToPath(new URL('../../metacontroller', import.meta.url))
const PROFILE_CRD = fileURLToPath(new URL('profile-crd.yaml', import.meta.url))
const SYSTEM = 'kubeflow'
/** Whom our ClusterRoleBindings name. */
export const METACONTROLLER_ACCOUNT = 'meta-controller-service'

/** What a platform engineer has before our service comes: a cluster with Kubeflow's Profiles, and a store. */
export interface Platform {
  readonly cluster: Cluster
  readonly kubernetes: Kubernetes
  readonly seaweedFs: SeaweedFs
  /** With the rights that Metacontroller was given by then. The test fails if it ends before. */
  startMetacontroller(): Promise<void>
}

/** Undefined after the test was skipped for lack of something. */
export async function startPlatform(t: Test): Promise<Platform | undefined> {
  const cluster = await startCluster(t)
  if (cluster === undefined) return undefined
  const seaweedFs = await realSeaweedFs(t)
  if (seaweedFs === undefined) return undefined
  const kubernetes = await connect(cluster.kubeconfig, cluster.processes)
  const { kubectl } = kubernetes
  // Too large for the annotation that apply keeps on the client's side.
  await kubectl('apply', '--server-side', '-f', cluster.metacontrollerCrds, '-f', PROFILE_CRD)
  await kubectl('wait', '--for=condition=established', '--timeout=60s', 'crd', '--all')
  await kubectl('create', 'namespace', SYSTEM)
  await kubectl('--namespace', SYSTEM, 'create', 'serviceaccount', METACONTROLLER_ACCOUNT)
  return {
    cluster,
    kubernetes,
    seaweedFs,
    async startMetacontroller() {
      const line = ['--namespace', SYSTEM, 'create', 'token', METACONTROLLER_ACCOUNT]
      const token = (await kubectl(...line, '--duration=24h')).trim()
      const { ended } = await cluster.startMetacontroller(token)
      ended.catch((error: Error) => t.fail(error.message))
    }
  }
}

/** As the README says: the token's Secret, then our manifests, with the address of the service put in. */
export async function applyManifests(
  platform: Platform,
  controller: Controller,
  url: string
): Promise<void> {
  const { kubectl } = platform.kubernetes
  const secret = [
    'secret',
    'generic',
    's3-profile-hook-token-v1',
    `--from-literal=token=${HOOK_TOKEN}`
  ]
  await kubectl('--namespace', SYSTEM, 'create', ...secret)
  await applyController(platform, controller, url)
}

/** The controller and what Metacontroller must be allowed, where the token's Secret is there. */
export async function applyController(
  { cluster, kubernetes: { kubectl } }: Platform,
  controller: Controller,
  url: string
): Promise<void> {
  const overlay = join(cluster.processes.folder, `overlay-${controller}`)
  mkdirSync(overlay, { recursive: true })
  writeFileSync(join(overlay, 'kustomization.yaml'), kustomization(overlay, controller, url))
  await kubectl('apply', '-k', overlay)
}

function kustomization(overlay: string, controller: Controller, url: string): string {
  const manifests = relative(overlay, MANIFESTS)
  const patch = ['sync', 'finalize'].map((hook) => ({
    op: 'replace',
    path: `/spec/hooks/${hook}/webhook/url`,
    value: `${url}/${hook}`
  }))
  const kind = controller === 'composite' ? 'CompositeController' : 'DecoratorController'
  return JSON.stringify({
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [manifests],
    ...(controller === 'composite' && { components: [join(manifests, 'composite')] }),
    patches: [{ target: { kind }, patch: JSON.stringify(patch) }]
  })
}
