import type { ProfileSettings } from '../config.ts'
import { isOlder } from './version.ts'

/** A way past the isolation that no policy of ours can close. */
export interface KnownHole {
  readonly name: string
  readonly remedy: string
}

/** The oldest version that the isolation was proven on. */
const OLDEST_PROVEN = '4.34'
/** Markers outside the prefix show nothing any more. */
const MARKERS_MENDED = '4.48'

/** Of SeaweedFS's IAM server, if nobody changed it. */
export const STANDALONE_IAM_PORT = 8111

/** @param storeVersion such as `4.48`; undefined when the store did not say */
export function knownHoles(
  storeVersion: string | undefined,
  { layout, topLevelBrowse }: Pick<ProfileSettings, 'layout' | 'topLevelBrowse'>
): KnownHole[] {
  const holes: KnownHole[] = []
  if (storeVersion === undefined) {
    holes.push({
      name: 'The store does not say its version, so it is unknown which holes it has',
      remedy: `make sure that it is SeaweedFS ${MARKERS_MENDED} or newer`
    })
  } else if (isOlder(storeVersion, OLDEST_PROVEN)) {
    holes.push({
      name: `Isolation is not proven on SeaweedFS ${storeVersion}`,
      remedy: `upgrade to SeaweedFS ${MARKERS_MENDED} or newer`
    })
  }
  if (layout === 'shared' && storeVersion !== undefined && isOlder(storeVersion, MARKERS_MENDED)) {
    holes.push({
      name: 'List markers show every profile the names of other profiles’ objects',
      remedy: `upgrade to SeaweedFS ${MARKERS_MENDED} or newer, or set BUCKET_LAYOUT=per-profile`
    })
  }
  if (topLevelBrowse) {
    holes.push({
      name: 'Browsing the top level shows every profile the names of all namespaces',
      remedy: 'set TOP_LEVEL_BROWSE=false'
    })
  }
  return holes
}

/** What an address is where identities can be written beside the filer's own service. */
export function otherWriterHole(url: string): KnownHole {
  return {
    name: `Identities can be written over HTTP at ${url}, and every such write may destroy users that IDENTITY_API=filer wrote`,
    remedy: url.endsWith(`:${STANDALONE_IAM_PORT}`)
      ? 'stop that IAM server (start SeaweedFS without -iam)'
      : 'start that gateway with -iam=false (-s3.iam=false of weed server), or with read-only IAM'
  }
}
