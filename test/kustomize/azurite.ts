import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { freePorts } from '../../dev/free-ports.ts'
import type { Processes, Running } from '../cluster/processes.ts'
import { until } from '../cluster/until.ts'

const VERSION = '2023-11-03'

/** Azure Blob Storage as Microsoft's emulator has it. */
export interface Azurite {
  readonly endpoint: string
  /** Whom its certificate makes one trust. */
  readonly caPem: string
  readonly account: string
  readonly key: string
  createContainer(name: string): Promise<void>
  /** Undefined when there is no such blob. */
  read(container: string, path: string): Promise<string | undefined>
  start(): Promise<void>
  stop(): Promise<void>
}

/** @throws Error when there is no `azurite-blob` on the PATH */
export async function startAzurite(processes: Processes): Promise<Azurite> {
  const [port = 0] = await freePorts(1)
  const location = join(processes.folder, 'azurite')
  mkdirSync(location)
  const account = 'mirror'
  const key = Buffer.from('a key of nobody, for an account of the emulator').toString('base64')
  const endpoint = `https://127.0.0.1:${port}/${account}`
  const line = ['--blobHost', '127.0.0.1', '--blobPort', `${port}`, '--location', location]
  const cert = await makeCertificate(location)
  const caPem = readFileSync(cert.file, 'utf8')
  const agent = new Agent({ ca: caPem })
  let running: Running | undefined

  function send(url: URL, method: string, headers: Record<string, string>) {
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const call = request(url, { method, headers, agent }, (answer) => {
        textOf(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }), reject)
      })
      call.once('error', reject)
      call.end()
    })
  }

  async function call(method: string, path: string, query: Record<string, string> = {}) {
    const date = new Date().toUTCString()
    const headers = `x-ms-date:${date}\nx-ms-version:${VERSION}\n`
    const url = new URL(`${endpoint}/${path.split('/').map(encodeURIComponent).join('/')}`)
    const queries = Object.entries(query)
    for (const [name, value] of queries) url.searchParams.set(name, value)
    // The account stands twice: for itself, and because the emulator has it in its path.
    const resource = `/${account}${url.pathname}${queries.map(([name, value]) => `\n${name}:${value}`).join('')}`
    const text = `${method}${'\n'.repeat(12)}${headers}${resource}`
    const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64')
    return send(url, method, {
      'x-ms-date': date,
      'x-ms-version': VERSION,
      authorization: `SharedKey ${account}:${signature}`
    })
  }

  async function start() {
    running = processes.start(
      'azurite-blob',
      [
        ...line,
        '--cert',
        cert.file,
        '--key',
        cert.key,
        '--silent',
        '--disableTelemetry',
        '--skipApiVersionCheck'
      ],
      { AZURITE_ACCOUNTS: `${account}:${key}` }
    )
    await Promise.race([
      until('Azurite answers', () => send(new URL(endpoint), 'GET', {})),
      running.ended
    ])
  }

  await start()
  return {
    endpoint,
    caPem,
    account,
    key,
    async createContainer(name) {
      const { status } = await call('PUT', name, { restype: 'container' })
      if (status !== 201) throw new Error(`Azurite answered ${status} while creating ${name}`)
    },
    async read(container, path) {
      const answer = await call('GET', `${container}/${path}`)
      if (answer.status === 404) return undefined
      if (answer.status !== 200) throw new Error(`Azurite answered ${answer.status} for ${path}`)
      return answer.text
    },
    start,
    async stop() {
      await running?.stop()
    }
  }
}

/** SeaweedFS talks to Azure over TLS only. */
async function makeCertificate(folder: string): Promise<{ file: string; key: string }> {
  const [file, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')] as const
  const options = '-x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=azurite'.split(' ')
  const name = ['-addext', 'subjectAltName=IP:127.0.0.1']
  await promisify(execFile)('openssl', ['req', ...options, ...name, '-keyout', key, '-out', file])
  return { file, key }
}
