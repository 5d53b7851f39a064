import aws4 from 'aws4'
import type { StoreSettings } from '../config.ts'
import type { ObjectStore, ProbeAnswer } from './object-store.ts'
import { answerError, storeError } from './store-errors.ts'

const ANSWERS: Readonly<Record<string, ProbeAnswer>> = {
  NoSuchKey: 'absent',
  AccessDenied: 'denied',
  NoSuchBucket: 'no-bucket',
  InvalidAccessKeyId: 'unknown-key',
  SignatureDoesNotMatch: 'wrong-secret'
}

/**
 * A GET and not a HEAD, whose errors carry no code. Without the SDK, because a client for each profile's
 * key costs several times the request itself.
 */
export function buildProbe(settings: StoreSettings): ObjectStore['probe'] {
  const { host } = new URL(settings.s3Endpoint)

  return async (accessKey, object, budget) => {
    const path = `/${object.bucket}/${object.key}`
    const step = `probing ${path} with the profile's own key`
    const { headers } = aws4.sign(
      { service: 's3', region: settings.region, method: 'GET', host, path },
      { ...accessKey }
    )
    try {
      const response = await fetch(settings.s3Endpoint + path, {
        headers: headers as Record<string, string>,
        redirect: 'manual',
        signal: budget.signal
      })
      if (response.status === 200) {
        await response.body?.cancel()
        return 'readable'
      }
      const code = /<Code>([A-Za-z]+)<\/Code>/.exec(await response.text())?.[1] ?? 'no error code'
      const answer = ANSWERS[code]
      if (answer !== undefined) return answer
      throw answerError(code, response.status, `${step} for profile ${budget.namespace}`)
    } catch (error) {
      // fetch wraps what went wrong on the wire; an abort comes as it is.
      if (error instanceof TypeError) throw storeError(error.cause, step, budget)
      throw budget.signal.aborted ? storeError(error, step, budget) : error
    }
  }
}
