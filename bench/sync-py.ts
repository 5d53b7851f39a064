import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type HookProcess, startHook } from './hook-process.ts'
import type { Store } from './store.ts'

/** The rival: KFP's sync.py as it is, a copy of which SYNC_PY names; python3 needs boto3. */
export const SYNC_PY = process.env['SYNC_PY']
export const NO_SYNC_PY = { skipped: 'SYNC_PY names no copy of sync.py' } as const
/** After which Metacontroller gives up a call of KFP's controller, which asks for nothing else. */
export const SYNC_PY_TIMEOUT_MS = 10_000

export async function startSyncPy(store: Store): Promise<HookProcess> {
  if (SYNC_PY === undefined) throw new Error(NO_SYNC_PY.skipped)
  const file = SYNC_PY
  const python = await pythonProgram()
  const optedOut = JSON.stringify({
    object: { metadata: { name: 'x', labels: {} } },
    attachments: {}
  })
  return startHook((port) => ({
    program: python,
    arguments: [file],
    environment: {
      CONTROLLER_PORT: String(port),
      KFP_VERSION: '2.15.0',
      DISABLE_ISTIO_SIDECAR: 'false',
      S3_ENDPOINT_URL: store.seaweedFs.s3Endpoint,
      AWS_ENDPOINT_URL: store.seaweedFs.iamEndpoint,
      AWS_ACCESS_KEY_ID: store.seaweedFs.admin.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.seaweedFs.admin.secretAccessKey
    },
    isReady: async (url) => (await fetch(`${url}/sync`, { method: 'POST', body: optedOut })).ok
  }))
}

/** The interpreter itself: what is called python3 may be a script that looks for it. */
async function pythonProgram(): Promise<string> {
  const { stdout } = await promisify(execFile)('python3', [
    '-c',
    'import sys; print(sys.executable)'
  ])
  return stdout.trim()
}
