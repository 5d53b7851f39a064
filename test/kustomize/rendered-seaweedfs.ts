import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import type { SeaweedFs } from '../../dev/seaweedfs.ts'
import { HOOK_TOKEN } from '../fixtures/builders.ts'
import type { Rendered } from './rendered.ts'
import type { Pod, Values } from './rendered-pods.ts'
import { type RunningPods, runRendered } from './run-rendered.ts'

export const SERVER = 'seaweedfs-server-0'
export const GATEWAY = 'seaweedfs-0'
export const WORKER = 'seaweedfs-worker-0'

/** Secrets as init-secrets makes them, and the admin in them. */
export function storeSecrets() {
  const secret = () => randomBytes(32).toString('hex')
  const admin = {
    accessKeyId: `A${secret().slice(0, 19).toUpperCase()}`,
    secretAccessKey: secret()
  }
  return {
    admin,
    secrets: {
      'mlpipeline-minio-artifact': {
        accesskey: admin.accessKeyId,
        secretkey: admin.secretAccessKey
      },
      'seaweedfs-jwt-keys': { 'filer-signing-key': secret(), 'filer-signing-read-key': secret() },
      's3-profile-root-key': { 'root-key': secret() },
      's3-profile-hook-token-v1': { token: HOOK_TOKEN }
    }
  }
}

interface Platform {
  readonly pods: RunningPods
  readonly seaweedFs: SeaweedFs
}

/** The store, and the hook where there is one, of rendered manifests, up and ready. */
export async function startRendered(
  t: Test,
  objects: readonly Rendered[],
  certificates: Values = {}
): Promise<Platform> {
  const { admin, secrets } = storeSecrets()
  const pods = await runRendered(t, objects, { ...secrets, ...certificates }, isOurs)
  await pods.until('startupProbe')
  await pods.until('readinessProbe')
  const scheme = 'seaweedfs-tls' in certificates ? 'https' : 'http'
  const url = (service: string, port: number) => `${scheme}://${pods.address(service, port)}`
  const s3Endpoint = url('seaweedfs', 9000)
  const seaweedFs: SeaweedFs = {
    description: 'the rendered manifests',
    s3Endpoint,
    // There is no other S3 port.
    internalS3Endpoint: s3Endpoint,
    iamEndpoint: 'http://nothing-speaks-iam.invalid',
    standaloneIamEndpoint: undefined,
    identityApi: 'filer',
    filerGrpc: {
      address: pods.address('seaweedfs-internal', 18888),
      signingKey: secrets['seaweedfs-jwt-keys']['filer-signing-key']
    },
    sideDoors: {
      filer: url('seaweedfs-internal', 8888),
      master: url('seaweedfs-internal', 9333),
      volume: `http://${pods.podAddress(SERVER, 8080)}`
    },
    admin
  }
  return { pods, seaweedFs }
}

/** What calls the API server of a cluster has none here. */
function isOurs({ name }: Pod): boolean {
  return /^(seaweedfs|kubeflow-pipelines-profile-controller)/.test(name)
}
