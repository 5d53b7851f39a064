import type { ProfileSettings } from '../config.ts'
import type { Profile } from '../profile.ts'
import type { Issued } from './attachments.ts'
import { accessKeyFor, epochOfPair, sealFor } from './credentials.ts'
import type { Plan } from './plan.ts'
import { issuedAtFrom } from './rotation.ts'

/** The pair in the observed Secret, if it is ours and was proven under this very policy. */
export function observedIssue(
  { observedSecret }: Profile,
  { user, policy }: Plan,
  now: number,
  settings: ProfileSettings
): (Issued & { readonly epoch: number }) | undefined {
  if (observedSecret === undefined) return undefined
  const { rootKey } = settings
  const epoch = epochOfPair(rootKey, user, observedSecret)
  if (epoch === undefined) return undefined
  const { accessKeyId, seal } = observedSecret
  const isSettled = seal === sealFor(rootKey, accessKeyId, policy.name, 'settled')
  if (!isSettled && seal !== sealFor(rootKey, accessKeyId, policy.name, 'settling'))
    return undefined
  const issuedAt = issuedAtFrom(observedSecret.issuedAt, epoch, settings, now)
  return { key: accessKeyFor(rootKey, user, epoch), epoch, issuedAt, isSettled }
}
