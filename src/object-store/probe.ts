import type { StoreSettings } from '../config.ts'
import type { ObjectStore, ProbeAnswer } from './object-store.ts'
import { buildS3Http } from './s3-http.ts'
import { answerError, storeError } from './store-errors.ts'

const ANSWERS: Readonly<Record<string, ProbeAnswer>> = {
  NoSuchKey: 'absent',
  AccessDenied: 'denied',
  NoSuchBucket: 'no-bucket',
  InvalidAccessKeyId: 'unknown-key',
  SignatureDoesNotMatch: 'wrong-secret'
}

/** A GET and not a HEAD, whose errors carry no code. */
export function buildProbe({
  s3Endpoint,
  region
}: Pick<StoreSettings, 's3Endpoint' | 'region'>): ObjectStore['probe'] {
  const send = buildS3Http(s3Endpoint, region)
  return async (accessKey, object, budget) => {
    const path = `/${object.bucket}/${object.key}`
    const step = `probing ${path} with the profile's own key`
    const { status, code } = await send(accessKey, { method: 'GET', path }, budget.signal).catch(
      (error) => {
        throw storeError(error, step, budget)
      }
    )
    if (status === 200) return 'readable'
    const answer = ANSWERS[code]
    if (answer !== undefined) return answer
    throw answerError(code || 'no error code', status, `${step} for profile ${budget.namespace}`)
  }
}
