import { randomBytes } from 'node:crypto'
import type { IdentityApi, SeaweedFsOptions, Topology, Version } from './seaweedfs.ts'

/** The ports of one SeaweedFS; gRPC ports are given too, because the default is port + 10000. */
export interface WeedPorts {
  readonly master: number
  readonly masterGrpc: number
  readonly volume: number
  readonly volumeGrpc: number
  readonly filer: number
  readonly filerGrpc: number
  readonly iamS3: number
  readonly iamS3Grpc: number
  readonly standaloneIam: number
  readonly gateway: number
  readonly gatewayGrpc: number
}

/** Everything but the profiles' gateway, where there is one; the only writer of identities. */
export function serverArguments(
  ports: WeedPorts,
  where: { readonly folder: string; readonly ip: string; readonly bind: string },
  setup: {
    readonly version: Version
    readonly standaloneIam: boolean
    readonly topology: Topology
    readonly serverFlags?: readonly string[]
    readonly identityApi?: IdentityApi | undefined
  }
): string[] {
  const isReadOnly = setup.identityApi === 'filer'
  return [
    'server',
    `-dir=${where.folder}`,
    `-ip=${where.ip}`,
    `-ip.bind=${where.bind}`,
    `-master.port=${ports.master}`,
    `-master.port.grpc=${ports.masterGrpc}`,
    `-volume.port=${ports.volume}`,
    `-volume.port.grpc=${ports.volumeGrpc}`,
    '-filer',
    `-filer.port=${ports.filer}`,
    `-filer.port.grpc=${ports.filerGrpc}`,
    '-s3',
    `-s3.port=${ports.iamS3}`,
    `-s3.port.grpc=${ports.iamS3Grpc}`,
    '-s3.port.iceberg=0',
    ...(setup.version === '4.34' ? [] : ['-s3.port.lance=0']),
    // KFP leaves both at their defaults: embedded IAM is read-only, a bucket goes with what is in it.
    ...(setup.topology === 'single-gateway'
      ? []
      : [`-s3.iam.readOnly=${isReadOnly}`, '-s3.allowDeleteBucketNotEmpty=false']),
    ...(setup.standaloneIam ? ['-iam', `-iam.port=${ports.standaloneIam}`] : []),
    '-master.volumePreallocate=false',
    '-master.volumeSizeLimitMB=64',
    '-master.telemetry=false',
    // The default of 10 s is for clusters; alone, a restarted master waits it out for nobody.
    '-master.electionTimeout=1s',
    '-volume.max=0',
    '-volume.preStopSeconds=1',
    ...(setup.serverFlags ?? [])
  ]
}

/** The gateway that profiles use: objects only, no IAM. */
export function gatewayArguments(
  ports: WeedPorts,
  where: { readonly filerHost: string; readonly bind: string },
  version: Version
): string[] {
  return [
    's3',
    '-iam=false',
    `-ip.bind=${where.bind}`,
    `-port=${ports.gateway}`,
    `-port.grpc=${ports.gatewayGrpc}`,
    '-port.iceberg=0',
    ...(version === '4.34' ? [] : ['-port.lance=0']),
    `-filer=${where.filerHost}:${ports.filer}.${ports.filerGrpc}`,
    '-allowDeleteBucketNotEmpty=false'
  ]
}

/** The admin comes from the environment, so that no port is ever open without one. */
export function weedEnvironment(
  admin: { readonly accessKeyId: string; readonly secretAccessKey: string },
  signingKey: string | undefined
): Record<string, string> {
  return {
    ...(signingKey !== undefined && {
      WEED_JWT_FILER_SIGNING_KEY: signingKey,
      WEED_JWT_FILER_SIGNING_READ_KEY: randomBytes(32).toString('hex')
    }),
    AWS_ACCESS_KEY_ID: admin.accessKeyId,
    AWS_SECRET_ACCESS_KEY: admin.secretAccessKey,
    // A bucket takes seven volumes by default; one is enough here.
    WEED_MASTER_VOLUME_GROWTH_COPY_1: '1'
  }
}

/** What makes SeaweedFS speak gRPC with mutual TLS, for the folder that it runs in. */
export function securityFiles({ grpcCertificate }: SeaweedFsOptions, folder: string) {
  if (grpcCertificate === undefined) return []
  const [cert, key] = [`${folder}/grpc.crt`, `${folder}/grpc.key`]
  const sections = ['master', 'volume', 'filer', 's3', 'client'].map(
    (part) => `[grpc.${part}]\ncert = "${cert}"\nkey = "${key}"\n`
  )
  return [
    { path: cert, content: grpcCertificate.cert },
    { path: key, content: grpcCertificate.key },
    { path: `${folder}/security.toml`, content: [`[grpc]\nca = "${cert}"\n`, ...sections].join('') }
  ]
}
