import t from 'tap'
import { budget } from '../fixtures/builders.ts'
import { EXISTS, iamOn, NO_SUCH_ENTITY, POLICY } from '../fixtures/stub-iam.ts'
import { failureOf, iamAnswer, iamError, type StubAnswer } from '../fixtures/stub-store.ts'

const POLICY_ARN = `arn:aws:iam:::policy/${POLICY.name}`

function policyAnswer(): StubAnswer {
  const fields = `<PolicyName>x</PolicyName><DefaultVersionId>v7</DefaultVersionId>`
  return iamAnswer('GetPolicy', `<Policy>${fields}</Policy>`)
}

/** A policy document in an answer: SeaweedFS gives JSON as it is, AWS encodes it. */
function versionAnswer(document: unknown, encode = (text: string) => text): StubAnswer {
  const text = encode(JSON.stringify(document)).replaceAll('&', '&amp;')
  const fields = `<Document>${text}</Document><VersionId>v7</VersionId>`
  return iamAnswer('GetPolicyVersion', `<PolicyVersion>${fields}</PolicyVersion>`)
}

t.test('ensurePolicy', async (t) => {
  t.test('creates a policy that does not exist', async (t) => {
    const { stub, iam, writes } = await iamOn(t, {
      GetPolicy: NO_SUCH_ENTITY,
      CreatePolicy: iamAnswer('CreatePolicy', '<Policy/>')
    })
    t.equal(await iam.ensurePolicy(POLICY, budget()), POLICY.name)
    t.strictSame(stub.operations(), ['GetPolicy', 'CreatePolicy'])
    const { PolicyName, PolicyDocument = '' } = stub.request('CreatePolicy').form
    t.equal(PolicyName, POLICY.name)
    t.strictSame(JSON.parse(PolicyDocument), POLICY.document)
    t.strictSame(writes, [`creating policy ${POLICY.name}`])
  })

  const spellings: [what: string, answer: StubAnswer][] = [
    ['as it is', versionAnswer(POLICY.document)],
    ['URL-encoded', versionAnswer(POLICY.document, encodeURIComponent)],
    [
      'with one-element arrays collapsed and other key order',
      versionAnswer({
        Statement: { Resource: 'arn:aws:s3:::100%/*', Action: 's3:GetObject', Effect: 'Allow' },
        Version: '2012-10-17'
      })
    ]
  ]
  for (const [what, answer] of spellings) {
    t.test(`leaves a policy that says the same alone (${what})`, async (t) => {
      const { stub, iam } = await iamOn(t, { GetPolicy: policyAnswer(), GetPolicyVersion: answer })
      await iam.ensurePolicy(POLICY, budget())
      t.strictSame(stub.operations(), ['GetPolicy', 'GetPolicyVersion'])
      t.equal(stub.request('GetPolicy').form['PolicyArn'], POLICY_ARN)
      t.equal(stub.request('GetPolicyVersion').form['PolicyArn'], POLICY_ARN)
      t.equal(stub.request('GetPolicyVersion').form['VersionId'], 'v7', 'the default version')
    })
  }

  t.test('reads the first version where the store does not name the default', async (t) => {
    const { stub, iam } = await iamOn(t, {
      GetPolicy: iamAnswer('GetPolicy'),
      GetPolicyVersion: versionAnswer(POLICY.document)
    })
    await iam.ensurePolicy(POLICY, budget())
    t.equal(stub.request('GetPolicyVersion').form['VersionId'], 'v1')
  })

  const edited = versionAnswer({ Version: '2012-10-17', Statement: [] })

  t.test('takes the next name where a policy of that name was edited', async (t) => {
    const { stub, iam, writes } = await iamOn(t, {
      GetPolicy: [policyAnswer(), NO_SUCH_ENTITY],
      GetPolicyVersion: edited,
      CreatePolicy: iamAnswer('CreatePolicy', '<Policy/>')
    })
    t.equal(await iam.ensurePolicy(POLICY, budget()), `${POLICY.name}-2`)
    t.equal(stub.request('CreatePolicy').form['PolicyName'], `${POLICY.name}-2`)
    t.strictSame(writes, [`creating policy ${POLICY.name}-2`])
  })

  t.test('takes the next name when another replica wrote something else', async (t) => {
    const { iam } = await iamOn(t, {
      GetPolicy: [NO_SUCH_ENTITY, policyAnswer(), NO_SUCH_ENTITY],
      GetPolicyVersion: edited,
      CreatePolicy: [EXISTS, iamAnswer('CreatePolicy', '<Policy/>')]
    })
    t.equal(await iam.ensurePolicy(POLICY, budget()), `${POLICY.name}-2`)
  })

  t.test('stays with the next name while the first holds other content', async (t) => {
    const { stub, iam } = await iamOn(t, {
      GetPolicy: policyAnswer(),
      GetPolicyVersion: [edited, versionAnswer(POLICY.document)]
    })
    t.equal(await iam.ensurePolicy(POLICY, budget()), `${POLICY.name}-2`)
    t.equal(stub.request('GetPolicy').form['PolicyArn'], `${POLICY_ARN}-2`)
  })

  t.test('refuses to go on when no name is left', async (t) => {
    const { iam } = await iamOn(t, { GetPolicy: policyAnswer(), GetPolicyVersion: edited })
    t.equal(
      await failureOf(iam.ensurePolicy(POLICY, budget())),
      `502 S3P_STORE_REJECTED: Object store refused creating policy ${POLICY.name} for profile team-a: ` +
        'all policies of that name hold other content; detach them from their users and delete them'
    )
  })

  t.test('is content when another replica was faster', async (t) => {
    const { stub, iam } = await iamOn(t, {
      GetPolicy: [NO_SUCH_ENTITY, policyAnswer()],
      GetPolicyVersion: versionAnswer(POLICY.document),
      CreatePolicy: EXISTS
    })
    await iam.ensurePolicy(POLICY, budget())
    t.strictSame(stub.operations(), ['GetPolicy', 'CreatePolicy', 'GetPolicy', 'GetPolicyVersion'])
  })

  const gone: [what: string, answer: StubAnswer][] = [
    ['went away while it was read', NO_SUCH_ENTITY],
    ['has no document', iamAnswer('GetPolicyVersion', '<PolicyVersion/>')]
  ]
  for (const [what, answer] of gone) {
    t.test(`creates a policy that ${what}`, async (t) => {
      const { stub, iam } = await iamOn(t, {
        GetPolicy: policyAnswer(),
        GetPolicyVersion: answer,
        CreatePolicy: iamAnswer('CreatePolicy', '<Policy/>')
      })
      await iam.ensurePolicy(POLICY, budget())
      t.strictSame(stub.operations(), ['GetPolicy', 'GetPolicyVersion', 'CreatePolicy'])
    })
  }
})

t.test('deletePolicy', async (t) => {
  const present = { GetPolicy: policyAnswer(), GetPolicyVersion: versionAnswer(POLICY.document) }

  t.test('deletes a policy that exists', async (t) => {
    const deleted = iamAnswer('DeletePolicy')
    const { stub, iam, writes } = await iamOn(t, { ...present, DeletePolicy: deleted })
    t.equal(await iam.deletePolicy(POLICY.name, budget()), 'deleted')
    t.equal(stub.request('DeletePolicy').form['PolicyArn'], POLICY_ARN)
    t.strictSame(writes, [`deleting policy ${POLICY.name}`])
  })

  t.test('writes nothing when there is none', async (t) => {
    const { stub, iam, writes } = await iamOn(t, { GetPolicy: NO_SUCH_ENTITY })
    await iam.deletePolicy(POLICY.name, budget())
    t.strictSame(stub.operations(), ['GetPolicy'])
    t.strictSame(writes, [])
  })

  t.test('succeeds when it went away meanwhile', async (t) => {
    const { iam } = await iamOn(t, { ...present, DeletePolicy: NO_SUCH_ENTITY })
    t.equal(await iam.deletePolicy(POLICY.name, budget()), 'deleted')
  })

  t.test('leaves a policy that somebody has', async (t) => {
    const { iam } = await iamOn(t, { ...present, DeletePolicy: iamError(409, 'DeleteConflict') })
    t.equal(await iam.deletePolicy(POLICY.name, budget()), 'attached')
  })

  t.test('passes on what the store refuses', async (t) => {
    const { iam } = await iamOn(t, { ...present, DeletePolicy: iamError(403, 'AccessDenied') })
    await t.rejects(iam.deletePolicy(POLICY.name, budget()), { code: 'S3P_STORE_REJECTED' })
  })
})

t.test('listPolicies names the policies of all pages', async (t) => {
  const page = (name: string, rest = '') =>
    iamAnswer(
      'ListPolicies',
      `<Policies><member><PolicyName>${name}</PolicyName></member></Policies>${rest}`
    )
  const { stub, iam, writes } = await iamOn(t, {
    ListPolicies: [page('a', '<IsTruncated>true</IsTruncated><Marker>1</Marker>'), page('b')]
  })
  t.strictSame(await iam.listPolicies(budget()), ['a', 'b'])
  t.strictSame(
    stub.requests.map(({ form }) => form['Marker']),
    [undefined, '1']
  )
  t.strictSame(writes, [])
})

t.test('readPolicy', async (t) => {
  const { iam } = await iamOn(t, {
    GetPolicy: [policyAnswer(), NO_SUCH_ENTITY],
    GetPolicyVersion: versionAnswer(POLICY.document)
  })
  t.same(await iam.readPolicy(POLICY.name, budget()), POLICY.document)
  t.equal(await iam.readPolicy(POLICY.name, budget()), undefined)
})
