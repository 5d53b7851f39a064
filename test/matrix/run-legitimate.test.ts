import t from 'tap'
import type { Reach } from '../../src/matrix/case-result.ts'
import { LEGITIMATE_CASES, type Step } from '../../src/matrix/legitimate.ts'
import { type Answer, type Request, requestFrom, type Signing } from '../../src/matrix/request.ts'
import { runLegitimate } from '../../src/matrix/run-legitimate.ts'
import { filledIn } from '../../src/matrix/scene.ts'
import { answer, LAYOUTS, reach, refusal, scene } from '../fixtures/matrix.ts'

const LINE = 'GET /{own.bucket}/{own.mark}object'

async function run(steps: readonly Step[], react: (request: Request) => Answer) {
  const legitimate = { name: 'a case', usedBy: 'somebody', steps }
  return runLegitimate(legitimate, scene('shared'), reach(react))
}

t.test('a case says what it is and who needs it', async (t) => {
  t.strictSame(await run([{ line: LINE, status: 200 }], () => answer(200)), {
    kind: 'legitimate',
    group: 'legitimate',
    name: 'a case (somebody)',
    verdict: 'ok',
    evidence: ''
  })
})

t.test('a case is broken', async (t) => {
  const said = `${LINE} was answered with HTTP`
  const cases: [what: string, step: Partial<Step>, given: Answer, evidence: string][] = [
    ['by another status', {}, refusal(), `${said} 403 AccessDenied`],
    ['by a missing word', { answers: /made/ }, answer(200), `${said} 200 , without /made/`],
    ['by a word too many', { omits: /made/ }, answer(200, 'made'), `${said} 200 , with /made/`],
    ['by a missing header', { header: ['etag', /^1$/] }, answer(200), `${said} 200 , without etag`],
    [
      'by a header that says something else',
      { header: ['etag', /^1$/] },
      answer(200, '', { etag: '2' }),
      `${said} 200 , without etag`
    ]
  ]
  for (const [what, step, given, evidence] of cases) {
    const result = await run([{ line: LINE, status: 200, ...step }], () => given)
    t.match(result, { verdict: 'broken', evidence }, what)
  }
})

t.test('a case ends with the first step that fails', async (t) => {
  const asked: string[] = []
  const steps = ['PUT', 'GET', 'DELETE'].map((method) => ({
    line: `${method} /{own.bucket}/key`,
    status: 200
  }))
  const result = await run(steps, ({ method }) => {
    asked.push(method)
    return answer(method === 'GET' ? 404 : 200)
  })
  t.equal(result.verdict, 'broken')
  t.same(asked, ['PUT', 'GET'])
})

t.test('what a step keeps, later ones use', async (t) => {
  const steps: Step[] = [
    { line: 'POST /b/k?uploads', status: 200, keeps: { upload: /<UploadId>([^<]+)</ } },
    { line: 'PUT /b/k?uploadId={kept.upload}', status: 200, keeps: { part: /^etag: "(.+)"$/m } },
    { line: 'POST /b/k?uploadId={kept.upload}', body: '{kept.part} {kept.nothing}', status: 200 }
  ]
  const requests: Request[] = []
  const result = await run(steps, (request) => {
    requests.push(request)
    return answer(200, '<UploadId>seven</UploadId>', { etag: '"eight"' })
  })
  t.equal(result.verdict, 'ok')
  t.same(requests[1]?.query, [['uploadId', 'seven']])
  t.equal(requests[2]?.body, 'eight ')
})

t.test('what is not found is kept as nothing', async (t) => {
  const steps: Step[] = [
    { line: 'GET /b/k', status: 200, keeps: { upload: /<UploadId>([^<]+)</ } },
    { line: 'PUT /b/k?uploadId={kept.upload}', status: 200 }
  ]
  t.equal((await run(steps, () => answer(200))).verdict, 'ok')
})

t.test('patterns name the scene, and a mark’s dot is a dot', async (t) => {
  const step = { line: LINE, status: 200, answers: /<Key>{own.mark}object</ }
  const { mark, own } = scene('shared')
  const key = (path: string) => answer(200, `<Key>${path}object</Key>`)
  t.equal((await run([step], () => key(own.prefix + mark))).verdict, 'ok')
  t.equal((await run([step], () => key(own.prefix + mark.replace('.', '-')))).verdict, 'broken')
})

t.test('a step is signed with the own key, in its own way', async (t) => {
  const seen: [Signing, string][] = []
  const s3: Reach['s3'] = async (_request, signing, { accessKeyId }) => {
    seen.push([signing, accessKeyId])
    return answer(200)
  }
  const steps: Step[] = [
    { line: LINE, status: 200 },
    { line: LINE, status: 200, signing: 'presigned' }
  ]
  const field = scene('shared')
  const legitimate = { name: 'a case', usedBy: 'somebody', steps }
  await runLegitimate(legitimate, field, { s3, iam: {}, region: 'us-east-1' })
  const { accessKeyId } = field.own.accessKey
  t.same(seen, [
    ['header', accessKeyId],
    ['presigned', accessKeyId]
  ])
})

for (const layout of LAYOUTS) {
  t.test(`the legitimate cases in the ${layout} layout`, async (t) => {
    const field = scene(layout)
    const steps = LEGITIMATE_CASES.flatMap(({ steps }) => steps)
    const requests = steps.map(({ line }) =>
      requestFrom(filledIn(line.replaceAll(/\{kept\.[a-z]+\}/g, 'kept'), field))
    )

    t.test('touch the own bucket only', async (t) => {
      t.same([...new Set(requests.map(({ path }) => path.split('/')[1]))], [field.own.bucket])
    })

    t.test('write below the own mark only', async (t) => {
      const writes = steps.filter((_, index) => !/GET|HEAD/.test(requests[index]?.method ?? ''))
      const stray = writes.filter(
        ({ line, body = '' }) => !`${line.split('?')[0]} ${body}`.includes('{own.mark}')
      )
      t.same(
        stray.map(({ line }) => line),
        []
      )
    })
  })
}
