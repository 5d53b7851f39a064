import type { ProfileSettings } from './config.ts'
import { type Attachment, attachmentsFor } from './desired/attachments.ts'
import { accessKeyFor, epochInForce, standingOf } from './desired/credentials.ts'
import { dataPolicyFor } from './desired/data-policy.ts'
import { planFor } from './desired/plan.ts'
import { rotationFor } from './desired/rotation.ts'
import {
  ISSUED_ANNOTATION,
  isEntitled,
  type Profile,
  SEAL_ANNOTATION,
  STATE_ANNOTATION
} from './profile.ts'

const REDACTED = '[redacted]'

/** What a sync would aim for: the plan and the attachments without their secrets. Asks nobody. */
export function dryRunAnswer(profile: Profile, settings: ProfileSettings, now: number) {
  const { isOptedIn, isTerminating, observedSecret } = profile
  const plan = planFor(profile, settings)
  const dataPolicy = dataPolicyFor(profile, settings)
  const answer = { dryRun: 'All', isOptedIn, isTerminating, dataPolicy, plan }
  if (!isEntitled(profile)) return { ...answer, attachments: [] }
  const rotation = rotationFor(profile, plan, settings, false, now)
  const seen = observedSecret && standingOf(settings, plan.user, observedSecret.accessKeyId)?.epoch
  const key = accessKeyFor(settings.rootKey, plan.user, epochInForce(rotation.epoch, [seen]))
  const issued = { key, issuedAt: now, isSettled: false }
  const attachments = attachmentsFor(plan, issued, settings).map((attachment) =>
    attachment.kind === 'Secret' ? redacted(attachment) : attachment
  )
  return { ...answer, rotation, attachments }
}

/** What only a real sync can say of the key is redacted too: here none was issued, and none proven. */
function redacted({ metadata, data, ...rest }: Attachment): Attachment {
  const unknown = [SEAL_ANNOTATION, ISSUED_ANNOTATION, STATE_ANNOTATION]
  return {
    ...rest,
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...allRedacted(unknown) } },
    data: allRedacted(Object.keys({ ...data }))
  }
}

function allRedacted(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, REDACTED]))
}
