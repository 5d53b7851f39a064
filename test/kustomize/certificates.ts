import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Rendered } from './rendered.ts'
import type { Values } from './rendered-pods.ts'

interface Certificate extends Rendered {
  readonly spec: {
    readonly secretName: string
    readonly dnsNames?: readonly string[]
    readonly ipAddresses?: readonly string[]
    readonly isCA?: boolean
  }
}

export function certificatesOf(objects: readonly Rendered[]): Certificate[] {
  return objects.filter(({ kind }) => kind === 'Certificate') as Certificate[]
}

/** The Secrets that cert-manager would make of the Certificates, by openssl, under one authority. */
export async function issue(objects: readonly Rendered[]): Promise<Values> {
  const folder = await mkdtemp(join(tmpdir(), 'certificates-'))
  const openssl = (...line: string[]) => promisify(execFile)('openssl', line, { cwd: folder })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  try {
    await openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      'ca.key',
      '-out',
      'ca.crt',
      '-subj',
      '/CN=ca'
    )
    const secrets: Record<string, Record<string, string>> = {}
    for (const { spec } of certificatesOf(objects).filter(({ spec }) => !spec.isCA)) {
      const { secretName, dnsNames = [], ipAddresses = [] } = spec
      const names = [
        ...dnsNames.map((name) => `DNS:${name}`),
        ...ipAddresses.map((ip) => `IP:${ip}`)
      ]
      await writeFile(join(folder, 'names'), `subjectAltName=${names}`)
      await openssl('req', ...newKey, '-keyout', 'tls.key', '-out', 'csr', '-subj', '/CN=one')
      const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names']
      await openssl('x509', '-req', '-in', 'csr', ...by, '-out', 'tls.crt')
      const read = async (file: string) => [file, await readFile(join(folder, file), 'utf8')]
      secrets[secretName] = Object.fromEntries(
        await Promise.all(['tls.crt', 'tls.key', 'ca.crt'].map(read))
      )
    }
    return secrets
  } finally {
    await rm(folder, { recursive: true })
  }
}
