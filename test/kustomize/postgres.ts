import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../../dev/free-ports.ts'
import type { Processes } from '../cluster/processes.ts'
import { until } from '../cluster/until.ts'

const run = promisify(execFile)
/** Where Debian puts it, by version; not on the PATH. */
const DEBIAN = '/usr/lib/postgresql'

/** A Secret as the component high-availability reads it, of a PostgreSQL that runs now. */
export async function startPostgres(processes: Processes): Promise<Record<string, string>> {
  const bin = join(DEBIAN, readdirSync(DEBIAN).sort().at(-1) ?? '', 'bin')
  const [port = 0] = await freePorts(1)
  const folder = join(processes.folder, 'postgres')
  const password = randomBytes(16).toString('hex')
  mkdirSync(folder)
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, password)
  const as = await unprivileged([processes.folder], [folder, passwordFile])
  const data = join(folder, 'data')
  const init = `${bin}/initdb --auth=scram-sha-256 --username=seaweedfs --no-sync -D`.split(' ')
  const [first = '', ...rest] = [...as, ...init, data, `--pwfile=${passwordFile}`]
  await run(first, rest)
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=']
  const line = [...as, `${bin}/postgres`, '-D', data, ...settings.flatMap((one) => ['-c', one])]
  const [program = '', ...words] = line
  const { ended } = processes.start(program, words)
  await Promise.race([until('PostgreSQL listens', () => listens(port)), ended])
  return {
    hostname: '127.0.0.1',
    port: `${port}`,
    username: 'seaweedfs',
    password,
    database: 'postgres',
    sslmode: 'disable'
  }
}

/** PostgreSQL refuses to run as root, so there it runs as the user that Debian made for it. */
async function unprivileged(open: string[], own: string[]): Promise<string[]> {
  if (process.getuid?.() !== 0) return []
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout)
  const [uid, gid] = [await id('-u'), await id('-g')] as const
  for (const folder of open) chmodSync(folder, 0o711)
  for (const path of own) chownSync(path, uid, gid)
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
