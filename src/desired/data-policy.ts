import type { ProfileSettings } from '../config.ts'
import { InvalidProfile } from '../errors.ts'
import type { Profile } from '../profile.ts'

/** What becomes of a profile's data when the profile is deleted. */
export type DataPolicy = 'Retain' | 'Delete'

export const DATA_POLICY_ANNOTATION = 'pipelines.kubeflow.org/data-policy'

/**
 * Deletion is asked for by name, so that an annotation meant for others, or for all, deletes nothing. A profile
 * that has opted out keeps its data, whatever it asks for.
 *
 * @throws InvalidProfile that says what to write
 */
export function dataPolicyFor(
  {
    namespace,
    isOptedIn,
    dataPolicy = 'Retain'
  }: Pick<Profile, 'namespace' | 'isOptedIn' | 'dataPolicy'>,
  { layout, commonBucket }: Pick<ProfileSettings, 'layout' | 'commonBucket'>
): DataPolicy {
  if (!isOptedIn || dataPolicy === 'Retain') return 'Retain'
  const deletion = `Delete/${namespace}`
  if (dataPolicy === deletion && layout === 'per-profile') return 'Delete'
  const annotation = `Annotation ${DATA_POLICY_ANNOTATION} of profile ${namespace}`
  const found = JSON.stringify(dataPolicy.slice(0, 80))
  throw new InvalidProfile(
    layout === 'shared'
      ? `${annotation} must be Retain, not ${found}: in the shared layout bucket ${commonBucket} holds the data of all profiles, and nobody’s is deleted`
      : `${annotation} must be Retain, or ${deletion} to have the profile's bucket and all data in it deleted with the profile, not ${found}`
  )
}
