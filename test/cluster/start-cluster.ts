import type { Test } from 'tap'
import { skip } from '../fixtures/skip.ts'
import type { Cluster } from './cluster.ts'
import { startContainers } from './containers.ts'
import { startControlPlane } from './control-plane.ts'
import { hasKubectl } from './kubernetes.ts'
import { newProcesses } from './processes.ts'

/**
 * Of the given binaries, else in containers. Undefined after the test was skipped for lack of both; in CI a
 * lack is a failure.
 */
export async function startCluster(t: Test): Promise<Cluster | undefined> {
  const { KUBEBUILDER_ASSETS, METACONTROLLER } = process.env
  const processes = newProcesses()
  t.teardown(() => processes.stop())
  const start = () =>
    KUBEBUILDER_ASSETS || METACONTROLLER
      ? startControlPlane(processes, process.env)
      : startContainers(t, processes)
  const cluster = (await hasKubectl()) ? await start() : { missing: 'There is no kubectl' }
  if ('missing' in cluster) return skip(t, cluster.missing)
  t.comment(`on ${cluster.description}`)
  return cluster
}
