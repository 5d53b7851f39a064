import type { ProfileSettings } from '../config.ts'
import { accessKeyFor, epochOf } from '../desired/credentials.ts'
import { namespaceIn, userPatternFor } from '../desired/plan.ts'
import { CommandFailed } from '../errors.ts'
import type { Party } from '../matrix/scene.ts'
import type { Budget, ObjectStore } from '../object-store/object-store.ts'
import { isNamespaceName } from '../profile.ts'

/** A user of ours and the profile it belongs to. */
interface Owned {
  readonly namespace: string
  readonly user: string
}

/**
 * The profiles of a live installation with their derived keys: those named, or all that the store has.
 * More than one of a name after a profile was made again while the finalize of the old one is to come.
 * @throws CommandFailed when one has no user, or no key that the root key explains
 */
export async function findParties(
  namespaces: readonly string[],
  settings: ProfileSettings,
  store: ObjectStore,
  budget: Budget
): Promise<Party[]> {
  // SeaweedFS lists them in an order of its own; who is verified against whom should not change with it.
  const users = (await store.listUsers(budget)).sort()
  const owned =
    namespaces.length > 0
      ? [...new Set(namespaces)].flatMap((namespace) => ownedBy(namespace, users, settings))
      : users.flatMap((user) => ownedIn(user, settings))
  if (owned.length === 0) {
    const { namePrefix } = settings
    throw new CommandFailed(`The store has no profile: no user is named ${namePrefix}…`)
  }
  const parties: Party[] = []
  for (const { namespace, user } of owned) {
    parties.push(await partyOf(namespace, user, settings, store, budget))
  }
  return parties
}

function ownedBy(namespace: string, users: readonly string[], { namePrefix }: ProfileSettings) {
  const isName = isNamespaceName(namespace)
  const pattern = isName ? userPatternFor(namePrefix, namespace) : undefined
  const found = users.filter((user) => pattern?.test(user))
  if (found.length > 0) return found.map((user): Owned => ({ namespace, user }))
  const shown = JSON.stringify(namespace.slice(0, 80))
  throw new CommandFailed(`Unknown profile ${shown}: the store has no user of it`)
}

function ownedIn(user: string, { namePrefix, layout }: ProfileSettings): Owned[] {
  const found = namespaceIn(namePrefix, user)
  if (found === undefined) return []
  if (found.isShortened && layout === 'shared') {
    throw new CommandFailed(
      `The name of user ${user} does not hold the whole name of its profile; name the profiles to verify`
    )
  }
  return [{ namespace: found.namespace, user }]
}

async function partyOf(
  namespace: string,
  user: string,
  { rootKey, layout, commonBucket }: ProfileSettings,
  store: ObjectStore,
  budget: Budget
): Promise<Party> {
  const { accessKeys = [] } = (await store.readIdentity(user, budget)) ?? {}
  const epochs = accessKeys.flatMap(({ accessKeyId, isActive }) => {
    const epoch = epochOf(rootKey, user, accessKeyId)
    return epoch !== undefined && isActive ? [epoch] : []
  })
  if (epochs.length === 0) {
    throw new CommandFailed(
      accessKeys.length === 0
        ? `User ${user} of profile ${namespace} has no key`
        : `No key of user ${user} is active and derived from CREDENTIAL_ROOT_KEY; is it the root key of this installation?`
    )
  }
  return {
    namespace,
    user,
    accessKey: accessKeyFor(rootKey, user, Math.max(...epochs)),
    bucket: layout === 'shared' ? commonBucket : user,
    prefix: `private-artifacts/${namespace}/`
  }
}
