import type { Test } from 'tap'
import { forgoReaperIfMissing, hasImage } from '../../dev/docker-images.ts'
import { type Cluster, METACONTROLLER_LINE, type Missing } from './cluster.ts'
import { withToken } from './kubeconfig.ts'
import type { Processes } from './processes.ts'

const K3S = 'rancher/k3s:v1.35.5-k3s1'
const METACONTROLLER_VERSION = 'v4.17.2'
const METACONTROLLER = `ghcr.io/metacontroller/metacontroller:${METACONTROLLER_VERSION}`
const CRDS = `https://raw.githubusercontent.com/metacontroller/metacontroller/${METACONTROLLER_VERSION}/manifests/production/metacontroller-crds-v1.yaml`
const THIS_MACHINE = 'host.docker.internal'
const KUBECONFIG = '/tmp/kubeconfig'

/** k3s in a container, and Metacontroller in another beside it. */
export async function startContainers(t: Test, processes: Processes): Promise<Cluster | Missing> {
  // Loaded here, because the binaries need none of it.
  const { GenericContainer, getContainerRuntimeClient, Network, Wait } = await import(
    'testcontainers'
  )
  const { K3sContainer } = await import('@testcontainers/k3s')
  const missing = (what: string) => ({
    missing: `Neither KUBEBUILDER_ASSETS and METACONTROLLER, nor ${what}`
  })
  const client = await getContainerRuntimeClient().catch(() => undefined)
  if (client === undefined) return missing('a Docker engine')
  for (const image of [K3S, METACONTROLLER]) {
    if (!(await hasImage(client, image))) return missing(`an image ${image} that can be pulled`)
  }
  await forgoReaperIfMissing(client)

  const network = await new Network().start()
  t.teardown(() => network.stop())
  const alias = 'k3s'
  const k3s = await new K3sContainer(K3S).withNetwork(network).withNetworkAliases(alias).start()
  t.teardown(() => k3s.stop())
  return {
    description: `${K3S} and ${METACONTROLLER} in Docker`,
    kubeconfig: k3s.getKubeConfig(),
    metacontrollerCrds: process.env['METACONTROLLER_CRDS'] || CRDS,
    thisMachine: { listen: '0.0.0.0', call: THIS_MACHINE },
    processes,
    async startMetacontroller(token) {
      const content = withToken(k3s.getAliasedKubeConfig(alias), token)
      const container = await new GenericContainer(METACONTROLLER)
        .withNetwork(network)
        .withExtraHosts([{ host: THIS_MACHINE, ipAddress: 'host-gateway' }])
        .withCopyContentToContainer([{ content, target: KUBECONFIG, mode: 0o444 }])
        .withCommand([
          '/usr/bin/metacontroller',
          ...METACONTROLLER_LINE,
          `--kubeconfig=${KUBECONFIG}`
        ])
        .withWaitStrategy(Wait.forAll([]))
        .start()
      let isStopping = false
      t.teardown(async () => {
        isStopping = true
        await container.stop()
      })
      const ended = client.container.getById(container.getId()).wait()
      return {
        ended: ended.then(() => {
          if (!isStopping) throw new Error('Metacontroller ended by itself')
        })
      }
    }
  }
}
