import fc from 'fast-check'
import t from 'tap'
import { ENGINES, VERSIONS } from '../../dev/seaweedfs.ts'
import { isAllowed } from '../../src/desired/policy-predicate.ts'
import { buildJudge } from '../fixtures/judge.ts'
import { anyCall, anyPolicies, COMMON_BUCKET } from '../fixtures/policy-grammar.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'

/** SEED=… repeats a run. */
const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const POLICIES = 40
const CALLS = { minLength: 40, maxLength: 40 }

/** Undefined where versions differ; our own documents never get there. */
function ourAnswer(...asked: Parameters<typeof isAllowed>): boolean | undefined {
  try {
    return isAllowed(...asked)
  } catch (error) {
    if (/versions/i.test((error as Error).message)) return undefined
    throw error
  }
}

for (const version of VERSIONS) {
  for (const engine of ENGINES) {
    t.test(`our predicate answers like SeaweedFS ${version} with its ${engine}`, async (t) => {
      const seaweedFs = await realSeaweedFs(t, { version, engine })
      if (seaweedFs === undefined) return
      // A gateway without IAM has no IAM manager, whatever keys there are.
      const { s3Endpoint, internalS3Endpoint } = seaweedFs
      const endpoint = engine === 'iam-manager' ? internalS3Endpoint : s3Endpoint
      const judge = await buildJudge(seaweedFs, endpoint)
      const tally = { true: 0, false: 0, undefined: 0 }
      const agreement = fc.asyncProperty(
        anyPolicies,
        fc.array(anyCall, CALLS),
        async ({ own, bucket }, calls) => {
          await judge.decideBy({ own, bucket })
          const answers = await Promise.all(calls.map((call) => judge.allows(call)))
          for (const [index, call] of calls.entries()) {
            const policies = { own, bucket: call.bucket === COMMON_BUCKET ? bucket : [] }
            const [ours, theirs] = [ourAnswer(policies, call, engine), answers[index]]
            tally[`${ours}`] += 1
            if (ours === theirs || ours === undefined) continue
            throw new Error(JSON.stringify({ ours, theirs, call, policies }, undefined, 2))
          }
        }
      )
      t.comment(`SEED=${SEED}`)
      const startedAt = performance.now()
      const run = await fc.check(agreement, { seed: SEED, numRuns: POLICIES, endOnFailure: true })
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
      const { true: allowed, false: denied, undefined: contested } = tally
      t.comment(`${allowed} allowed, ${denied} denied, ${contested} contested, ${seconds} s`)
      if (run.failed) {
        t.fail((run.errorInstance as Error).message)
        return
      }
      t.ok(allowed > 200 && denied > 200, 'both answers are common')
      t.ok(allowed + denied >= 1_000, 'many pairs')
    })
  }
}
