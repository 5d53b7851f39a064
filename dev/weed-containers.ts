import type { AdminCredentials, SeaweedFs, SeaweedFsOptions, Version } from './seaweedfs.ts'

export async function startInContainers(
  _options: SeaweedFsOptions & { readonly version: Version; readonly admin: AdminCredentials }
): Promise<SeaweedFs | undefined> {
  return undefined
}
