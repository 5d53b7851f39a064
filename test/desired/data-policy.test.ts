import t from 'tap'
import { dataPolicyFor } from '../../src/desired/data-policy.ts'
import { config, profile } from '../fixtures/builders.ts'

const ANNOTATION = 'pipelines.kubeflow.org/data-policy'

t.test('dataPolicyFor', async (t) => {
  const own = config().profile
  const shared = config({ BUCKET_LAYOUT: 'shared' }).profile

  t.test('keeps the data unless its deletion is asked for by name', async (t) => {
    for (const settings of [own, shared]) {
      t.equal(dataPolicyFor(profile(), settings), 'Retain')
      t.equal(dataPolicyFor(profile({ dataPolicy: 'Retain' }), settings), 'Retain')
    }
    t.equal(dataPolicyFor(profile({ dataPolicy: 'Delete/team-a' }), own), 'Delete')
  })

  const MALFORMED = [
    ...['Delete', 'Delete/', 'Delete/team-b', 'Delete/team-ab', 'Delete/team', 'Delete/*'],
    ...['delete/team-a', 'Delete/team-a ', ' Delete/team-a', 'Delete team-a', 'retain', 'true', '']
  ]
  for (const dataPolicy of MALFORMED) {
    t.test(`does not take ${JSON.stringify(dataPolicy)} for the one or the other`, async (t) => {
      t.throws(() => dataPolicyFor(profile({ dataPolicy }), own), {
        code: 'S3P_INVALID_PROFILE',
        statusCode: 422,
        message:
          `Annotation ${ANNOTATION} of profile team-a must be Retain, or Delete/team-a to have the ` +
          `profile's bucket and all data in it deleted with the profile, not ${JSON.stringify(dataPolicy)}`
      })
    })
  }

  t.test('deletes nothing where profiles share a bucket', async (t) => {
    for (const dataPolicy of ['Delete/team-a', 'Delete']) {
      t.throws(() => dataPolicyFor(profile({ dataPolicy }), shared), {
        code: 'S3P_INVALID_PROFILE',
        message:
          `Annotation ${ANNOTATION} of profile team-a must be Retain, not "${dataPolicy}": in the ` +
          'shared layout bucket mlpipeline holds the data of all profiles, and nobody’s is deleted'
      })
    }
  })

  t.test('keeps the data of who has opted out, whatever is asked for', async (t) => {
    for (const dataPolicy of ['Delete/team-a', 'Delete']) {
      for (const settings of [own, shared]) {
        t.equal(dataPolicyFor(profile({ dataPolicy, isOptedIn: false }), settings), 'Retain')
      }
    }
  })

  t.test('quotes no more than the beginning of a long one', async (t) => {
    const dataPolicy = 'x'.repeat(10_000)
    t.throws(() => dataPolicyFor(profile({ dataPolicy }), own), { message: /not "x{80}"$/ })
  })
})
