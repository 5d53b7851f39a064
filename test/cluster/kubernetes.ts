import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Processes } from './processes.ts'
import { until } from './until.ts'

export interface KubernetesObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
    readonly finalizers?: string[]
    readonly deletionTimestamp?: string
    readonly ownerReferences?: object[]
  }
  readonly type?: string
  readonly data?: Record<string, string>
  readonly [field: string]: unknown
}

/** The API server as its administrator, in paths such as /api/v1/namespaces/team-a. */
export interface Kubernetes {
  readonly kubeconfig: string
  /** Undefined when there is no such object. */
  get(path: string): Promise<KubernetesObject | undefined>
  list(path: string): Promise<KubernetesObject[]>
  create(path: string, object: KubernetesObject): Promise<KubernetesObject>
  /** A merge patch: `null` takes a field away. */
  patch(path: string, changes: object): Promise<KubernetesObject>
  remove(path: string): Promise<void>
  /** @throws Error with what kubectl wrote to stderr */
  kubectl(...line: string[]): Promise<string>
}

/** Resolves when the API server is ready. `kubectl proxy` does what is secret between it and the test. */
export async function connect(kubeconfig: string, processes: Processes): Promise<Kubernetes> {
  const file = join(processes.folder, 'kubeconfig')
  writeFileSync(file, kubeconfig, { mode: 0o600 })
  const proxy = processes.start('kubectl', ['--kubeconfig', file, 'proxy', '--port=0'])
  const url = until('kubectl proxy says where it listens', async () => {
    const address = /Starting to serve on (\S+)/.exec(proxy.log())?.[1]
    return address && `http://${address}`
  })
  const origin = await Promise.race([url, proxy.ended])
  await until('the API server is ready', async () => (await fetch(`${origin}/readyz`)).ok)

  async function call(method: string, path: string, body?: object): Promise<KubernetesObject> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const response = await fetch(`${origin}${path}`, {
      method,
      headers: { 'content-type': type },
      ...(body && { body: JSON.stringify(body) })
    })
    const answer = (await response.json()) as KubernetesObject
    if (response.ok) return answer
    throw new Refused(`${method} ${path}: ${answer['message']}`, response.status)
  }

  return {
    kubeconfig: file,
    get: (path) => call('GET', path).catch(undefinedIfMissing),
    async list(path) {
      const { items } = await call('GET', path)
      return items as KubernetesObject[]
    },
    create: (path, object) => call('POST', path, object),
    patch: (path, changes) => call('PATCH', path, changes),
    async remove(path) {
      await call('DELETE', path).catch(undefinedIfMissing)
    },
    kubectl: (...line) => kubectl(['--kubeconfig', file, ...line])
  }
}

export async function hasKubectl(): Promise<boolean> {
  return kubectl(['version', '--client']).then(
    () => true,
    () => false
  )
}

class Refused extends Error {
  readonly status: number
  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

function undefinedIfMissing(error: Refused): undefined {
  if (error.status !== 404) throw error
}

function kubectl(line: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('kubectl', line, (error, stdout, stderr) => {
      if (error) reject(new Error(`kubectl ${line.slice(2).join(' ')}: ${stderr || error.message}`))
      else resolve(stdout)
    })
  })
}
