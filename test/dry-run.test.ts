import t from 'tap'
import { attachmentsFor } from '../src/desired/attachments.ts'
import { accessKeyFor } from '../src/desired/credentials.ts'
import { planFor } from '../src/desired/plan.ts'
import { dryRunAnswer } from '../src/dry-run.ts'
import { config, profile, ROOT_KEY } from './fixtures/builders.ts'

const NOW = 1_800_000_000

const layouts = {
  'per-profile': {},
  shared: { BUCKET_LAYOUT: 'shared' },
  'with the artifact proxy': { ARTIFACTS_PROXY_ENABLED: 'true', KFP_VERSION: '2.16.0' }
}

t.test('dryRunAnswer', async (t) => {
  for (const [name, overrides] of Object.entries(layouts)) {
    const { profile: settings } = config(overrides)

    t.test(`shows the plan and every attachment (${name})`, async (t) => {
      const answer = dryRunAnswer(profile(), settings, NOW)
      const plan = planFor(profile(), settings)
      t.strictSame(answer.plan, plan)
      const key = accessKeyFor(settings.rootKey, plan.user, 0)
      const [secret, ...others] = attachmentsFor(
        plan,
        { key, issuedAt: NOW, isSettled: false },
        settings
      )
      const [shownSecret, ...shownOthers] = answer.attachments
      t.strictSame(shownOthers, others)
      const annotations = {
        ...secret?.metadata.annotations,
        'pipelines.kubeflow.org/credentials-seal': '[redacted]',
        'pipelines.kubeflow.org/credentials-issued-at': '[redacted]',
        'pipelines.kubeflow.org/credentials-state': '[redacted]'
      }
      t.strictSame(shownSecret, {
        ...secret,
        metadata: { ...secret?.metadata, annotations },
        data: {
          accesskey: '[redacted]',
          secretkey: '[redacted]',
          AWS_ACCESS_KEY_ID: '[redacted]',
          AWS_SECRET_ACCESS_KEY: '[redacted]'
        }
      })
    })

    t.test(`holds no secret anywhere (${name})`, async (t) => {
      const observedSecret = {
        uid: 'uid-1',
        seal: 'seal-of-the-observed',
        issuedAt: undefined,
        accessKeyId: 'OBSERVED',
        secretAccessKey: 'observed'
      }
      const answer = JSON.stringify(dryRunAnswer(profile({ observedSecret }), settings, NOW))
      const { user } = planFor(profile(), settings)
      const { secretAccessKey } = accessKeyFor(settings.rootKey, user, 0)
      const { seal, secretAccessKey: observed } = observedSecret
      for (const secret of [ROOT_KEY, secretAccessKey, observed, seal]) {
        const spellings = ['utf8', 'base64', 'base64url', 'hex'] as const
        for (const spelling of spellings) {
          const text = Buffer.from(secret).toString(spelling)
          t.notOk(answer.includes(text), `${spelling} of ${secret.length} characters`)
        }
      }
    })
  }

  t.test('says whether a real sync would give anything', async (t) => {
    const { profile: settings } = config()
    const staying = dryRunAnswer(profile(), settings, NOW)
    t.match(staying, { dryRun: 'All', isOptedIn: true, isTerminating: false })
    t.equal(staying.attachments.length, 4)
    const leaving: [isOptedIn: boolean, isTerminating: boolean][] = [
      [false, false],
      [true, true],
      [false, true]
    ]
    for (const [isOptedIn, isTerminating] of leaving) {
      const answer = dryRunAnswer(profile({ isOptedIn, isTerminating }), settings, NOW)
      t.match(answer, { dryRun: 'All', isOptedIn, isTerminating })
      t.strictSame(answer.attachments, [], 'as a sync would answer')
      t.strictSame(answer.plan, staying.plan, 'the plan is what finalize will look for')
    }
  })

  t.test('shows what is asked of the key, and the key that would be in force', async (t) => {
    const { profile: settings } = config({ ARTIFACTS_PROXY_ENABLED: 'true', KFP_VERSION: '2.16.0' })
    const { user } = planFor(profile(), settings)
    const idOf = (epoch: number) => accessKeyFor(settings.rootKey, user, epoch).accessKeyId
    const rotateAt = '2027-01-15T07:59:59Z'
    const rotated = dryRunAnswer(profile({ rotateAt }), settings, NOW)
    t.match(rotated, { rotation: { epoch: NOW - 1, revokedBefore: 0, nextAt: undefined } })
    t.match(JSON.stringify(rotated.attachments), idOf(NOW - 1))

    const memory = { uid: 'uid-1', seal: undefined, issuedAt: undefined }
    const observedSecret = { ...memory, ...accessKeyFor(settings.rootKey, user, NOW) }
    const observed = dryRunAnswer(profile({ rotateAt, observedSecret }), settings, NOW)
    t.match(JSON.stringify(observed.attachments), idOf(NOW), 'it never goes backwards')
  })

  t.test('shows what becomes of the data', async (t) => {
    const { profile: settings } = config()
    const dataPolicy = 'Delete/team-a'
    t.match(dryRunAnswer(profile(), settings, NOW), { dataPolicy: 'Retain' })
    for (const isTerminating of [false, true]) {
      const asked = dryRunAnswer(profile({ dataPolicy, isTerminating }), settings, NOW)
      t.match(asked, { dataPolicy: 'Delete', plan: { bucket: asked.plan.user } })
    }
    const optedOut = dryRunAnswer(profile({ dataPolicy, isOptedIn: false }), settings, NOW)
    t.match(optedOut, { dataPolicy: 'Retain' })
  })

  t.test('refuses what a sync would refuse, and nothing else', async (t) => {
    const { profile: settings } = config()
    const refused = { code: 'S3P_INVALID_PROFILE' }
    t.throws(() => dryRunAnswer(profile({ dataPolicy: 'Delete' }), settings, NOW), refused)
    t.throws(() => dryRunAnswer(profile({ namespace: 'Team.A' }), settings, NOW), refused)
    const malformed = profile({ rotateAt: 'soon' })
    t.throws(() => dryRunAnswer(malformed, settings, NOW), refused)
    const leaving = dryRunAnswer({ ...malformed, isTerminating: true }, settings, NOW)
    t.strictSame(leaving.attachments, [])
  })
})
