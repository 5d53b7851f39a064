import type { ProfileSettings } from './config.ts'
import { attachmentsFor } from './desired/attachments.ts'
import { accessKeyFor } from './desired/credentials.ts'
import { planFor } from './desired/plan.ts'
import type { Profile } from './profile.ts'

const REDACTED = '[redacted]'

/** What a sync would aim for: the plan and the attachments without their secrets. Asks nobody. */
export function dryRunAnswer(profile: Profile, settings: ProfileSettings) {
  const plan = planFor(profile, settings)
  const key = accessKeyFor(settings.rootKey, plan.user, plan.epoch)
  const attachments = attachmentsFor(plan, key, settings).map((attachment) =>
    attachment.kind === 'Secret'
      ? { ...attachment, data: redacted({ ...attachment.data }) }
      : attachment
  )
  const { isOptedIn, isTerminating } = profile
  return { dryRun: 'All', isOptedIn, isTerminating, plan, attachments }
}

function redacted(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(data).map((name) => [name, REDACTED]))
}
