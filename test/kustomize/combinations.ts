/** What people install, from the folder kustomize/: an overlay, or a base, with components on top. */
export interface Combination {
  readonly on: string
  readonly with?: readonly string[]
  /** KFP is there before. */
  readonly overKfp?: boolean
}

export const COMBINATIONS: readonly Combination[] = [
  { on: 'overlays/kubeflow-pipelines', overKfp: true },
  {
    on: 'overlays/kubeflow-pipelines',
    with: ['init-secrets', 'composite', 'monitoring', 'istio', 'bucket-per-profile'],
    overKfp: true
  },
  { on: 'overlays/kubeflow-pipelines', with: ['metacontroller-4.11'], overKfp: true },
  { on: 'components/kubeflow-pipelines', with: ['seaweedfs-4.34'] },
  { on: 'overlays/standalone' },
  {
    on: 'overlays/standalone',
    with: ['composite', 'monitoring', 'minio-service', 'remote-gateway', 'tls']
  },
  { on: 'overlays/standalone', with: ['high-availability', 'tls'] },
  { on: 'base', with: ['external-seaweedfs'] },
  { on: 'migration' },
  { on: 'overlays/single-user', with: ['minio-service'] },
  { on: 'overlays/single-user', with: ['high-availability'] }
]

export function titleOf({ on, with: components = [] }: Combination): string {
  return [on, ...components].join(' + ')
}
