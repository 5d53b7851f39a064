import { readdir, readFile, readlink } from 'node:fs/promises'

const LISTEN = '0A'

export interface Listener {
  readonly address: string
  readonly port: number
}

/** The TCP ports on which the process listens, as Linux tells them. */
export async function listeningPorts(pid: number): Promise<Listener[]> {
  const folder = `/proc/${pid}/fd`
  const links = await Promise.all(
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => ''))
  )
  const sockets = new Set(links.map((link) => /^socket:\[([0-9]+)\]$/.exec(link)?.[1]))
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8'))
  )
  return tables
    .flatMap((table) => table.trim().split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTEN && sockets.has(inode))
    .map(([, local = '']) => {
      const [address = '', port = ''] = local.split(':')
      return { address, port: Number.parseInt(port, 16) }
    })
}
