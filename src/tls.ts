import { readFile } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { TlsFiles } from './config.ts'

/** The hook's own certificate and its key, in PEM. */
export interface TlsPair {
  readonly cert: string
  readonly key: string
}

/** @throws Error when a file cannot be read */
export async function readTls({ certFile, keyFile }: TlsFiles): Promise<TlsPair> {
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
  return { cert, key }
}

/**
 * Takes a certificate that was renewed in the mounted Secret into use, so that nobody has to restart the hook for it.
 * Connections that are open keep theirs. Files that do not belong together, because one of them is being replaced, are
 * read again the next time.
 */
export function followTls(
  server: { setSecureContext(pair: TlsPair): void },
  files: TlsFiles,
  current: TlsPair,
  log: FastifyBaseLogger
): () => Promise<void> {
  let used = current
  return async () => {
    try {
      const found = await readTls(files)
      if (found.cert === used.cert && found.key === used.key) return
      server.setSecureContext(found)
      used = found
      log.info('using the renewed certificate')
    } catch (error) {
      log.error({ err: error }, 'the renewed certificate cannot be used; the one before it stays')
    }
  }
}
