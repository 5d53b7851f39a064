import type { ProfileSettings } from '../config.ts'
import { isSettling, type KubernetesObject } from '../hooks.ts'
import { isNamespaceName, profileFrom } from '../profile.ts'
import { planFor, stemOf, userPatternFor } from './plan.ts'

/** What the parents of a cluster lay claim to. */
export interface Living {
  /** Every name of user and bucket that one of them could be using. */
  readonly names: ReadonlySet<string>
  /** Whose a name is that starts so, whichever life it belongs to. */
  readonly namespaces: ReadonlyMap<string, string>
  /** Those of them whose profile still has an older key that works, maybe of a user of another name. */
  readonly settling: ReadonlySet<string>
}

/**
 * Profiles and Namespaces alike, whichever of the two the controller in use watches; opted out or about to go
 * as well, because their data is theirs and their finalize may be under way.
 */
export function livingFrom(
  parents: readonly KubernetesObject[],
  settings: ProfileSettings
): Living {
  const names = new Set<string>()
  const namespaces = new Map<string, string>()
  const settling = new Set<string>()
  for (const parent of parents) {
    const kind = parent.kind === 'Profile' ? 'composite' : 'decorator'
    const { adoptBucket = '', ...profile } = profileFrom({ kind, parent, observed: [] })
    const { namespace } = profile
    if (!isNamespaceName(namespace)) continue
    const { user } = planFor({ ...profile, adoptBucket: undefined }, settings)
    names.add(user)
    namespaces.set(stemOf(user), namespace)
    if (userPatternFor(settings.namePrefix, namespace).test(adoptBucket)) names.add(adoptBucket)
    if (isSettling(parent)) settling.add(stemOf(user))
  }
  return { names, namespaces, settling }
}
