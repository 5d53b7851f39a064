import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { NEEDED_SECRETS } from '../../src/commands/init-secrets.ts'
import { startApiServer } from '../cluster/control-plane.ts'
import { connect, type Kubernetes } from '../cluster/kubernetes.ts'
import { newProcesses } from '../cluster/processes.ts'
import { until } from '../cluster/until.ts'
import { bundledMain } from '../fixtures/bundled.ts'
import { skip } from '../fixtures/skip.ts'
import { lackOf } from './api-server.ts'
import { KUSTOMIZE, type Rendered, render } from './rendered.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COMPONENT = 'components/init-secrets'
const SECRETS = '/api/v1/namespaces/kubeflow/secrets'
const ACCOUNT = 's3-profile-init-secrets'
const NAMES = NEEDED_SECRETS.map(({ name }) => name)

interface Job extends Rendered {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string
        readonly containers: [{ readonly command: string[]; readonly args: string[] }]
      }
    }
  }
}

const rendered = await render(COMPONENT)
const job = rendered.find(({ kind }) => kind === 'Job') as Job

t.test('the Job is of this version, because one of another cannot be changed', async (t) => {
  const { version } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'))
  t.equal(job.metadata.name, `${ACCOUNT}-${version.replaceAll('.', '-')}`)
  const { images } = parse(readFileSync(`${KUSTOMIZE}/${COMPONENT}/kustomization.yaml`, 'utf8'))
  t.same(images, [{ name: 'ghcr.io/kubeflow/s3-profile-controller', newTag: version }])
  const readme = readFileSync(`${KUSTOMIZE}/${COMPONENT}/README.md`, 'utf8')
  const named = readme.match(/job\/?\s?s3-profile-init-secrets-[0-9-]+/g) ?? []
  t.equal(named.length, 3)
  for (const name of named) t.match(name, job.metadata.name)
})

t.test('the rights are for the Secrets that it makes, by name', async (t) => {
  const roles = rendered.filter(({ kind }) => kind === 'Role') as unknown as { rules: unknown }[]
  t.same(
    roles.map(({ rules }) => rules),
    [
      [
        {
          apiGroups: [''],
          resources: ['secrets'],
          resourceNames: NAMES,
          verbs: ['get', 'create', 'patch']
        }
      ]
    ]
  )
  t.equal(rendered.filter(({ kind }) => /^ClusterRole/.test(String(kind))).length, 0)
})

t.test('on a real API server', async (t) => {
  const cluster = await realApiServer(t)
  if (cluster === undefined) return
  const { kubernetes, run } = cluster

  await t.test('a pod of the Job is let in where Pod Security is restricted', async (t) => {
    await until('the Job has a pod', async () => {
      const pods = await kubernetes.list('/api/v1/namespaces/kubeflow/pods')
      return pods.some(({ metadata }) => metadata.labels?.['app'] === ACCOUNT)
    })
    t.pass()
  })

  await t.test('two at once make one of each', async (t) => {
    const both = await Promise.all([run(), run()])
    for (const { code, stderr } of both) {
      t.equal(stderr, '')
      t.equal(code, 0)
    }
    const lines = both.flatMap(({ stdout }) => stdout.trim().split('\n'))
    for (const name of NAMES) {
      const told = lines.filter((line) => line === `Secret ${name}: created`)
      t.equal(told.length, 1, `${name} once`)
      const secret = await kubernetes.get(`${SECRETS}/${name}`)
      const { keys = {} } = NEEDED_SECRETS.find((one) => one.name === name) ?? {}
      t.same(Object.keys(secret?.data ?? {}).sort(), Object.keys(keys).sort())
    }
  })

  await t.test('what is there is left, to the byte', async (t) => {
    const [name = ''] = NAMES
    const look = async () =>
      (await kubernetes.list(SECRETS)).map(({ metadata, data }) => [metadata, data])
    const stock = { accesskey: 'bWluaW8=', secretkey: 'bWluaW8xMjM=' }
    await kubernetes.patch(`${SECRETS}/${name}`, { data: stock })
    const before = await look()
    const { code, stdout } = await run()
    t.equal(code, 0)
    t.match(stdout, /^Secret mlpipeline-minio-artifact: was there\nWARNING .* \(minio123\)/)
    t.same(await look(), before, 'with its version')
  })

  await t.test('a Secret that lacks a key is not filled in', async (t) => {
    const path = `${SECRETS}/s3-profile-root-key`
    await kubernetes.patch(path, { data: { 'root-key': null, other: 'eA==' } })
    const { code, stdout } = await run()
    t.equal(code, 2)
    t.match(stdout, /\nSecret s3-profile-root-key: failed\nFAILED .* has no root-key;/)
    t.same((await kubernetes.get(path))?.data, { other: 'eA==' })
  })

  await t.test('one that is made meanwhile is not overwritten by its own manager', async (t) => {
    const { api } = cluster
    const [name = ''] = NAMES
    const apply = (resourceVersion?: string) =>
      api('PATCH', `${SECRETS}/${name}?fieldManager=init-secrets`, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, ...(resourceVersion && { resourceVersion }) },
        data: { accesskey: 'eA==' }
      })
    await kubernetes.remove(`${SECRETS}/${name}`)
    t.equal(await apply('1'), 201, 'as the command asks')
    t.equal(await apply('1'), 409)
  })

  await t.test('of many at the same moment one makes it, and its value stays', async (t) => {
    const { api } = cluster
    const name = NAMES.at(-1)
    const values = Array.from({ length: 20 }, (_, index) => btoa(`of ${index}`))
    for (let round = 0; round < 5; round += 1) {
      await kubernetes.remove(`${SECRETS}/${name}`)
      const answers = await Promise.all(
        values.map((value) =>
          api('PATCH', `${SECRETS}/${name}?fieldManager=init-secrets`, {
            apiVersion: 'v1',
            kind: 'Secret',
            metadata: { name, resourceVersion: '1' },
            data: { 'filer-signing-key': value }
          })
        )
      )
      t.same(answers.toSorted(), [201, ...values.slice(1).map(() => 409)])
      const winner = values[answers.indexOf(201)]
      const secret = await kubernetes.get(`${SECRETS}/${name}`)
      t.same(secret?.data, { 'filer-signing-key': winner })
    }
  })

  await t.test('a run that is killed leaves no half of a Secret', async (t) => {
    for (let created = 1; created < NAMES.length; created += 1) {
      for (const name of NAMES) await kubernetes.remove(`${SECRETS}/${name}`)
      await cluster.killedAfter(created)
      const left = await kubernetes.list(SECRETS)
      const { code } = await run()
      t.equal(code, 0, `killed after ${created}`)
      const now = await kubernetes.list(SECRETS)
      t.equal(now.length, NAMES.length)
      for (const { metadata, data } of left) {
        const same = now.find((secret) => secret.metadata.name === metadata.name)
        t.same(same?.data, data, `${metadata.name} is as the killed run made it`)
      }
    }
  })

  await t.test('the account may do nothing else with Secrets', async (t) => {
    const { api } = cluster
    const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } })
    t.equal(await api('GET', SECRETS), 403)
    t.equal(await api('POST', SECRETS, secret('another')), 403)
    t.equal(await api('POST', SECRETS, secret('seaweedfs-jwt-keys')), 403)
    t.equal(await api('PATCH', `${SECRETS}/another?fieldManager=x`, secret('another')), 403)
    t.equal(await api('DELETE', `${SECRETS}/seaweedfs-jwt-keys`), 403)
    t.equal(await api('GET', '/api/v1/namespaces/kubeflow/configmaps'), 403)
  })

  await t.test('applied again it is unchanged', async (t) => {
    const said = await kubernetes.kubectl('apply', '-k', `${KUSTOMIZE}/${COMPONENT}`)
    t.match(said, `job.batch/${job.metadata.name} unchanged`)
  })
})

/** With the component applied, and its command as the Job's pod would run it. */
async function realApiServer(t: Test) {
  const lack = await lackOf()
  if (lack !== undefined) return skip(t, lack)
  const assets = String(process.env['KUBEBUILDER_ASSETS'])
  const processes = newProcesses()
  t.teardown(() => processes.stop())
  const kubeconfig = await startApiServer(processes, assets, ['job-controller'])
  const kubernetes = await connect(kubeconfig, processes)
  await kubernetes.create('/api/v1/namespaces', {
    metadata: {
      name: 'kubeflow',
      labels: { 'pod-security.kubernetes.io/enforce': 'restricted' }
    }
  })
  await kubernetes.kubectl('apply', '-k', `${KUSTOMIZE}/${COMPONENT}`)

  const [{ cluster }] = JSON.parse(kubeconfig).clusters
  const { hostname, port } = new URL(cluster.server)
  const ca = readFileSync(cluster['certificate-authority'], 'utf8')
  const token = await tokenOf(kubernetes, job.spec.template.spec.serviceAccountName)
  const mount = t.testdir({ token, 'ca.crt': ca, namespace: 'kubeflow' })
  const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }
  const main = await bundledMain()

  function start() {
    const [{ command, args }] = job.spec.template.spec.containers
    const [program, file, ...line] = [...command, ...args, '--service-account', mount]
    t.same([program, file], ['node', 'dist/main.js'])
    return spawn(process.execPath, [main, ...line], { cwd: ROOT, env })
  }

  /** The moment it has said so many lines; what it was about to do then may be done or not. */
  async function killedAfter(lines: number): Promise<void> {
    const child = start()
    const closed = once(child, 'close')
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
      if (said.split('\n').length > lines) child.kill('SIGKILL')
    })
    await closed
  }

  async function run() {
    const child = start()
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close')
    ])
    for (const { data = {} } of await kubernetes.list(SECRETS)) {
      for (const value of Object.values(data)) {
        const secret = Buffer.from(value, 'base64').toString()
        const isTold = secret.length > 8 && (stdout + stderr).includes(secret)
        t.notOk(isTold, 'no secret is printed')
      }
    }
    return { code, stdout, stderr }
  }

  /** What the API server answers the account itself. */
  async function api(method: string, path: string, object?: object): Promise<number> {
    return new Promise((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json'
      const headers = { authorization: `Bearer ${token}`, 'content-type': type }
      const outgoing = request({ hostname, port, ca, method, path, headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      })
      outgoing.on('error', reject)
      outgoing.end(object && JSON.stringify(object))
    })
  }
  return { kubernetes, run, killedAfter, api }
}

async function tokenOf(kubernetes: Kubernetes, account: string): Promise<string> {
  return (await kubernetes.kubectl('-n', 'kubeflow', 'create', 'token', account)).trim()
}
