import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import type { KubernetesObject } from '../cluster/kubernetes.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What `kubectl apply -k` would send; the path is relative to the repository. */
export async function render(path: string): Promise<KubernetesObject[]> {
  const { stdout } = await promisify(execFile)('kubectl', ['kustomize', path], {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024
  })
  return parseAllDocuments(stdout).map((document) => document.toJS())
}
