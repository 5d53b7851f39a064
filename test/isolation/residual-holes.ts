import type { Topology, Version } from '../../dev/seaweedfs.ts'
import type { CaseResult } from '../../src/matrix/case-result.ts'

interface Installation {
  readonly version: Version
  readonly layout: 'per-profile' | 'shared'
  readonly topology: Topology
}

/** A hole that no policy can close: it is the installation that must change. */
export interface ResidualHole {
  readonly name: string
  readonly remedy: string
  applies(installation: Installation): boolean
  explains(result: CaseResult): boolean
}

/** All of them; SECURITY.md tells the same to operators. */
export const RESIDUAL_HOLES: readonly ResidualHole[] = [
  {
    name: 'list markers show the names of other profiles’ objects',
    remedy: 'SeaweedFS 4.48 or newer, or BUCKET_LAYOUT=per-profile',
    applies: ({ version, layout }) => version === '4.34' && layout === 'shared',
    explains: ({ group, evidence }) =>
      group === 'list markers' &&
      /^it gave away (that there is a key|its checksum|the name of their key)/.test(evidence)
  },
  {
    name: 'a presigned or SigV2 ListAccessKeys names every user’s key ids on the S3 port',
    remedy: 'a gateway of their own for profiles, with -iam=false',
    applies: ({ topology }) => topology === 'single-gateway',
    explains: ({ group, name, evidence }) =>
      group === 'identities, read' &&
      /on the S3 endpoint \| Action=ListAccessKeys \| (presigned|header-v2|presigned-v2)$/.test(
        name
      ) &&
      evidence.startsWith('it gave away the id of their access key')
  },
  {
    name: 'the same on port 8111',
    remedy: 'keep profiles from port 8111 with a NetworkPolicy, or do not run it (no -iam)',
    applies: ({ version, topology }) => version === '4.48' && topology === 'single-gateway',
    explains: ({ group, name, evidence }) =>
      group === 'identities, read' &&
      /on port 8111 \| Action=ListAccessKeys \| (presigned|header-v2|presigned-v2)$/.test(name) &&
      evidence.startsWith('it gave away the id of their access key')
  },
  {
    name: 'a profile issues further keys to itself through port 8111',
    remedy: 'keep profiles from port 8111 with a NetworkPolicy, or do not run it (no -iam)',
    applies: ({ version, topology }) => version === '4.48' && topology === 'single-gateway',
    explains: ({ group, name }) =>
      group === 'identities, written' &&
      /on port 8111 \| Action=CreateAccessKey&UserName=\{own\.user\}/.test(name)
  },
  {
    name: 'a CreateAccessKey without a user puts port 8111 out of order for everybody',
    remedy: 'keep profiles from port 8111 with a NetworkPolicy, or do not run it (no -iam)',
    applies: ({ version, topology }) => version === '4.48' && topology === 'single-gateway',
    explains: ({ group, name }) =>
      group === 'identities, without a name' && name.includes('on port 8111')
  }
]
