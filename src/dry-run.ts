import type { ProfileSettings } from './config.ts'
import { type Attachment, attachmentsFor } from './desired/attachments.ts'
import { accessKeyFor } from './desired/credentials.ts'
import { planFor } from './desired/plan.ts'
import { rotationFor } from './desired/rotation.ts'
import { isEntitled, type Profile, SEAL_ANNOTATION } from './profile.ts'

const REDACTED = '[redacted]'

/** What a sync would aim for: the plan and the attachments without their secrets. Asks nobody. */
export function dryRunAnswer(profile: Profile, settings: ProfileSettings, now: number) {
  const plan = planFor(profile, settings)
  const rotation = rotationFor(profile, plan.user, settings, now)
  const key = accessKeyFor(settings.rootKey, plan.user, rotation.epoch)
  const { isOptedIn, isTerminating } = profile
  const desired = isEntitled(profile)
    ? attachmentsFor(plan, { key, issuedAt: now, isSettled: false }, settings)
    : []
  const attachments = desired.map((attachment) =>
    attachment.kind === 'Secret' ? redacted(attachment) : attachment
  )
  return { dryRun: 'All', isOptedIn, isTerminating, plan, rotation, attachments }
}

/** The seal too: it says that a key was proven, and here none was. */
function redacted({ metadata, data, ...rest }: Attachment): Attachment {
  const names = Object.keys({ ...data })
  return {
    ...rest,
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [SEAL_ANNOTATION]: REDACTED }
    },
    data: Object.fromEntries(names.map((name) => [name, REDACTED]))
  }
}
