import { readdir, readFile, readlink } from 'node:fs/promises'

const LISTEN = '0A'

/** The ports where the process waits for TCP connections, as Linux tells it. */
export async function listeners(pid: number): Promise<number[]> {
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
    .map(([, local = '']) => Number.parseInt(local.split(':')[1] ?? '', 16))
}
