import { createHmac } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../dev/weed-processes.ts'
import type { Processes, Running } from '../cluster/processes.ts'
import { until } from '../cluster/until.ts'

const VERSION = '2023-11-03'

/** Azure Blob Storage as Microsoft's emulator has it. */
export interface Azurite {
  readonly endpoint: string
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
  const endpoint = `http://127.0.0.1:${port}/${account}`
  const line = ['--blobHost', '127.0.0.1', '--blobPort', `${port}`, '--location', location]
  let running: Running | undefined

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
    return fetch(url, {
      method,
      headers: {
        'x-ms-date': date,
        'x-ms-version': VERSION,
        authorization: `SharedKey ${account}:${signature}`
      }
    })
  }

  async function start() {
    running = processes.start(
      'azurite-blob',
      [...line, '--silent', '--disableTelemetry', '--skipApiVersionCheck'],
      { AZURITE_ACCOUNTS: `${account}:${key}` }
    )
    await Promise.race([until('Azurite answers', () => fetch(endpoint)), running.ended])
  }

  await start()
  return {
    endpoint,
    account,
    key,
    async createContainer(name) {
      const { status } = await call('PUT', name, { restype: 'container' })
      if (status !== 201) throw new Error(`Azurite answered ${status} while creating ${name}`)
    },
    async read(container, path) {
      const answer = await call('GET', `${container}/${path}`)
      if (answer.status === 404) return undefined
      if (!answer.ok) throw new Error(`Azurite answered ${answer.status} for ${path}`)
      return answer.text()
    },
    start,
    async stop() {
      await running?.stop()
    }
  }
}
