import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { dirname, join } from 'node:path'
import { freePorts } from '../../dev/free-ports.ts'
import { type Cluster, METACONTROLLER_LINE, type Missing } from './cluster.ts'
import { withToken } from './kubeconfig.ts'
import type { Processes } from './processes.ts'
import { until } from './until.ts'

const LOOPBACK = '127.0.0.1'
/** What Metacontroller lives with. */
const CONTROLLERS = ['namespace-controller', 'garbage-collector-controller']
const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const

interface Binaries {
  readonly assets: string
  readonly metacontroller: string
  readonly crds: string
}

/** etcd, kube-apiserver and kube-controller-manager as processes, each on a free port. */
export async function startControlPlane(
  processes: Processes,
  environment: NodeJS.ProcessEnv
): Promise<Cluster | Missing> {
  const binaries = binariesFrom(environment)
  if ('missing' in binaries) return binaries
  const { folder } = processes
  const kubeconfig = await startApiServer(processes, binaries.assets, CONTROLLERS)

  return {
    description: `the binaries in ${binaries.assets} and ${binaries.metacontroller}`,
    kubeconfig,
    metacontrollerCrds: binaries.crds,
    thisMachine: { listen: LOOPBACK, call: LOOPBACK },
    processes,
    async startMetacontroller(token) {
      const file = join(folder, 'metacontroller.kubeconfig')
      writeFileSync(file, withToken(kubeconfig, token), { mode: 0o600 })
      const line = [...METACONTROLLER_LINE, `--kubeconfig=${file}`]
      return processes.start(binaries.metacontroller, line)
    }
  }
}

/**
 * Without a Metacontroller.
 *
 * @param controllers of kube-controller-manager's
 * @returns the kubeconfig of its administrator
 */
export async function startApiServer(
  processes: Processes,
  assets: string,
  controllers: readonly string[]
): Promise<string> {
  const { folder } = processes
  const [etcdPort = 0, peerPort = 0, apiPort = 0] = await freePorts(3)
  const token = randomBytes(16).toString('hex')
  const certificate = join(folder, 'apiserver.crt')
  const kubeconfig = kubeconfigFor(`https://${LOOPBACK}:${apiPort}`, certificate, token)

  const start = (program: (typeof PROGRAMS)[number], line: string[]) =>
    processes.start(join(assets, program), line)
  const etcd = start('etcd', etcdLine(folder, etcdPort, peerPort))
  const apiServer = start('kube-apiserver', apiServerLine(folder, apiPort, etcdPort, token))
  // kube-controller-manager gives up on one that is not healthy within 10 s.
  const healthy = until('kube-apiserver is healthy', async () => {
    const ca = readFileSync(certificate)
    const headers = { authorization: `Bearer ${token}` }
    const call = get({ host: LOOPBACK, port: apiPort, path: '/healthz', ca, headers })
    const [response] = await once(call, 'response')
    response.resume()
    return response.statusCode === 200
  })
  await Promise.race([healthy, etcd.ended, apiServer.ended])
  start('kube-controller-manager', controllerManagerLine(folder, kubeconfig, controllers))
  return kubeconfig
}

/** What of them is not there; empty when all is. */
export function missingPrograms(assets: string): string[] {
  return PROGRAMS.map((program) => join(assets, program)).filter((file) => !existsSync(file))
}

function binariesFrom(environment: NodeJS.ProcessEnv): Binaries | Missing {
  const { KUBEBUILDER_ASSETS: assets, METACONTROLLER: metacontroller } = environment
  if (!assets) return { missing: 'METACONTROLLER is set, KUBEBUILDER_ASSETS is not' }
  if (!metacontroller) return { missing: 'KUBEBUILDER_ASSETS is set, METACONTROLLER is not' }
  const crds =
    environment['METACONTROLLER_CRDS'] ||
    join(dirname(metacontroller), 'metacontroller-crds-v1.yaml')
  const others = [metacontroller, crds].filter((file) => !existsSync(file))
  const missing = [...missingPrograms(assets), ...others]
  if (missing.length > 0) return { missing: `There is no ${missing.join(', ')}` }
  return { assets, metacontroller, crds }
}

function etcdLine(folder: string, port: number, peerPort: number): string[] {
  const client = `http://${LOOPBACK}:${port}`
  const peer = `http://${LOOPBACK}:${peerPort}`
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`
  ]
}

function apiServerLine(folder: string, port: number, etcdPort: number, token: string): string[] {
  const accountKey = join(folder, 'service-account.key')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(accountKey, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
  const tokens = join(folder, 'tokens.csv')
  writeFileSync(tokens, `${token},administrator,administrator,system:masters\n`, { mode: 0o600 })
  return [
    `--etcd-servers=http://${LOOPBACK}:${etcdPort}`,
    `--bind-address=${LOOPBACK}`,
    `--secure-port=${port}`,
    `--cert-dir=${folder}`,
    `--token-auth-file=${tokens}`,
    '--authorization-mode=RBAC',
    // As on OpenShift: the rights that our ClusterRoles give must be enough there, too.
    '--enable-admission-plugins=OwnerReferencesPermissionEnforcement',
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${accountKey}`,
    `--service-account-signing-key-file=${accountKey}`
  ]
}

function controllerManagerLine(
  folder: string,
  kubeconfig: string,
  controllers: readonly string[]
): string[] {
  const file = join(folder, 'controller-manager.kubeconfig')
  writeFileSync(file, kubeconfig, { mode: 0o600 })
  return [
    `--kubeconfig=${file}`,
    '--leader-elect=false',
    '--secure-port=0',
    `--controllers=${controllers.join()}`
  ]
}

function kubeconfigFor(server: string, certificate: string, token: string): string {
  const name = 'test'
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority': certificate } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name
  })
}
