import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { accessKeyFor, type RootKeys, standingOf } from '../desired/credentials.ts'
import type { Identity } from '../desired/identity.ts'
import { namesFor } from '../desired/policy-name.ts'
import { storeUrlFor } from '../desired/store-tls.ts'
import type { Budget, ObjectStore, ProbeAnswer } from '../object-store/object-store.ts'
import { buildProbe } from '../object-store/probe.ts'
import { type Finding, failed, ok, skipped, warning } from './finding.ts'
import { stepBudget } from './step-budget.ts'
import { inspectIam } from './surroundings.ts'

/** A gateway may hear of a new key some time later. */
const PATIENCE_MS = 5_000
const PAUSE_MS = 250
const CHECK = 'supplied keys'
const NOTHING = '.s3-profile-controller/doctor'

/**
 * Gives a user of ours, who may do nothing, a key of ours, and looks who knows it; then removes both. Its name is no
 * profile's, because those end with a hash, and always the same, so that a run that was killed leaves one at most.
 */
export async function tryKey(
  config: Config,
  store: ObjectStore,
  signal: AbortSignal
): Promise<Finding[]> {
  const { namePrefix, rootKey } = config.profile
  const user = `${namePrefix}doctor`
  const budget = stepBudget('(doctor)', signal)
  const document = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: [`arn:aws:s3:::${user}/${NOTHING}`] }
    ]
  } as const
  const accessKey = accessKeyFor(rootKey, user, Math.floor(Date.now() / 1000))
  let policyName: string | undefined
  const trial = async () => {
    const live = await store.readIdentity(user, budget)
    if (live !== undefined && !isOfDoctor(user, live, config.profile)) return [notOurs(user)]
    policyName = await store.ensurePolicy({ name: user, document }, budget)
    await store.ensureIdentity(user, { policyName, accessKey }, live, budget)
    return whoKnows(accessKey, config, store, budget)
  }
  const findings = await trial().catch(({ message }: Error) => [
    failed(CHECK, message, 'the README lists what that means')
  ])
  if (policyName === undefined) return findings
  const remains = await remove(user, policyName, store).then(
    () => [],
    ({ message }: Error) => [warning('trial user', message, 'run this again, which removes it')]
  )
  return [...findings, ...remains]
}

/** Whatever else has that name is somebody's: sync.py names users like their namespaces. */
function isOfDoctor(
  user: string,
  { accessKeys, policies, inlinePolicies, groups }: Identity,
  settings: RootKeys
): boolean {
  return (
    inlinePolicies.length + groups.length === 0 &&
    policies.every((name) => namesFor(user).includes(name)) &&
    accessKeys.every(({ accessKeyId }) => standingOf(settings, user, accessKeyId) !== undefined)
  )
}

function notOurs(user: string): Finding {
  return skipped(
    CHECK,
    `the user ${user}, whom this would make and remove, is there and not ours`,
    'delete it, if nobody uses it'
  )
}

/** Even after the run was interrupted. */
async function remove(user: string, policyName: string, store: ObjectStore) {
  const budget = stepBudget('(doctor)')
  const live = await store.readIdentity(user, budget)
  if (live !== undefined) await store.deleteIdentity(user, live, budget)
  await store.deletePolicy(policyName, budget)
}

async function whoKnows(
  accessKey: ReturnType<typeof accessKeyFor>,
  { store: settings, profile }: Config,
  store: ObjectStore,
  budget: Budget
): Promise<Finding[]> {
  const { s3Endpoint, region } = settings
  const object = { bucket: profile.commonBucket, key: NOTHING }
  const answer = await settled(() => store.probe(accessKey, object, budget))
  const findings = [ownGateway(answer, profile.commonBucket)]
  if (findings[0]?.verdict !== 'ok') return findings

  const tenants = storeUrlFor(profile)
  const probe = buildProbe({ ...settings, s3Endpoint: tenants })
  const theirs = await settled(() => probe(accessKey, object, budget))
  const check = 'one store'
  findings.push(
    theirs === answer
      ? ok(check, `AWS_ENDPOINT_URL_S3 and ${tenants} know the same keys`)
      : failed(
          check,
          `${tenants}, which is written into ConfigMaps, says ${theirs} to a key that AWS_ENDPOINT_URL_S3 knows`,
          'let AWS_ENDPOINT_URL_S3 and OBJECT_STORE_HOST be the same gateway'
        )
  )
  const { verdict, ...iam } = await inspectIam(s3Endpoint, region, accessKey)
  // A stock KFP has it there, read-only; profiles see names and key ids, no secrets.
  findings.push({ ...iam, verdict: verdict === 'ok' ? 'ok' : 'warning' })
  return findings
}

function ownGateway(answer: ProbeAnswer, commonBucket: string): Finding {
  if (answer === 'denied' || answer === 'no-bucket') {
    return ok(CHECK, 'taken, and a user without rights is refused')
  }
  if (answer === 'unknown-key') {
    return failed(
      CHECK,
      'AWS_ENDPOINT_URL_S3 does not know a key that was issued through the identity API of the settings',
      'name the same store in both'
    )
  }
  if (answer === 'wrong-secret') {
    return failed(CHECK, 'the store keeps another secret than ours', 'upgrade SeaweedFS to 4.48')
  }
  return warning(
    CHECK,
    `taken, but a user without rights reads bucket ${commonBucket}`,
    'look at the policy of that bucket: somebody made it readable'
  )
}

async function settled(ask: () => Promise<ProbeAnswer>): Promise<ProbeAnswer> {
  const startedAt = performance.now()
  for (;;) {
    const answer = await ask()
    if (answer !== 'unknown-key' || performance.now() - startedAt > PATIENCE_MS) return answer
    await pause(PAUSE_MS)
  }
}
