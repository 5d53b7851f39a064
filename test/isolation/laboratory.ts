import { IAMClient } from '@aws-sdk/client-iam'
import type { Test } from 'tap'
import type { SeaweedFs } from '../../dev/seaweedfs.ts'
import { distinctAttacks } from '../../src/matrix/attacks.ts'
import type { CaseResult, Reach } from '../../src/matrix/case-result.ts'
import { buildExchange } from '../../src/matrix/exchange.ts'
import { LEGITIMATE_CASES } from '../../src/matrix/legitimate.ts'
import { runAttacks, type Witness } from '../../src/matrix/run-attacks.ts'
import { runLegitimate } from '../../src/matrix/run-legitimate.ts'
import type { Party } from '../../src/matrix/scene.ts'
import { sow } from '../../src/matrix/seeds.ts'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { rootOf, startService, userIn } from '../fixtures/real-service.ts'
import { bucketWitness } from './bucket-witness.ts'
import { identityWitness } from './identity-witness.ts'

/** Neighbours by name: what is meant for the first must not fit the second. */
export const NAMESPACES = ['team-a', 'team-a-2'] as const
const REGION = 'us-east-1'
/** Puts the IAM API of SeaweedFS 4.48 out of order for good, so it comes at the very end. */
const LAST_GROUP = 'identities, without a name'

/** Two profiles as the service itself provisions them. */
export async function profilesOf(
  t: Test,
  seaweedFs: SeaweedFs,
  layout: 'per-profile' | 'shared'
): Promise<readonly [Party, Party]> {
  const service = await startService(t, seaweedFs, seaweedFs.iamEndpoint, layout)
  const partyOf = async (namespace: string): Promise<Party> => {
    const view = clusterView(service.url, namespace, `uid-of-${namespace}`)
    const before = service.writes.length
    const { status, body } = await view.sync()
    if (status !== 200) throw new Error(`${namespace} got no storage: ${body.message}`)
    const user = userIn(service.writes.slice(before))
    return { namespace, user, accessKey: view.accessKey, ...rootOf(view) }
  }
  return [await partyOf(NAMESPACES[0]), await partyOf(NAMESPACES[1])]
}

/** Runs the whole matrix both ways between two profiles. */
export async function runMatrix(
  seaweedFs: SeaweedFs,
  parties: readonly [Party, Party],
  commonBucket: string
): Promise<CaseResult[]> {
  const reach = reachOf(seaweedFs)
  const admin = s3Client(seaweedFs.internalS3Endpoint, seaweedFs.admin)
  const iam = new IAMClient({
    endpoint: seaweedFs.iamEndpoint,
    region: REGION,
    credentials: { ...seaweedFs.admin },
    maxAttempts: 1
  })
  const results: CaseResult[] = []
  const [a, b] = parties
  for (const [own, their] of [
    [a, b],
    [b, a]
  ] as const) {
    const sown = await sow(admin, own, their, commonBucket, true)
    const adminExchange = buildExchange(seaweedFs.internalS3Endpoint, REGION, 's3')
    const buckets = [...new Set([own.bucket, their.bucket, commonBucket])]
    const witnesses: Witness[] = [
      identityWitness(iam, parties),
      bucketWitness(adminExchange, seaweedFs.admin, buckets),
      { name: 'their data', look: sown.look, restore: sown.sowAgain }
    ]
    for (const legitimate of LEGITIMATE_CASES) {
      results.push(await runLegitimate(legitimate, sown.scene, reach))
    }
    const attacks = distinctAttacks(sown.scene, reach).filter(
      ({ attack }) => own === b || attack.group !== LAST_GROUP
    )
    for await (const result of runAttacks(attacks, sown, witnesses, reach)) results.push(result)
    await sown.remove()
  }
  return results
}

/** The S3 endpoint serves IAM too, or answers 405; a single gateway has the standalone server beside it. */
function reachOf({ s3Endpoint, iamEndpoint, internalS3Endpoint }: SeaweedFs): Reach {
  const isSingle = s3Endpoint === internalS3Endpoint
  return {
    region: REGION,
    s3: buildExchange(s3Endpoint, REGION, 's3'),
    iam: {
      'the S3 endpoint': buildExchange(s3Endpoint, REGION, 'iam'),
      ...(isSingle && { 'port 8111': buildExchange(iamEndpoint, REGION, 'iam') })
    }
  }
}
