import { writeFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { NotReady } from '../../src/errors.ts'
import { buildFilerApi } from '../../src/object-store/filer-api.ts'
import { checkFiler, isOpenToAll } from '../../src/object-store/filer-check.ts'
import { filerError, filerFault } from '../../src/object-store/filer-errors.ts'
import { buildGrpcChannel } from '../../src/object-store/grpc-channel.ts'
import { budget, spentBudget } from '../fixtures/builders.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../fixtures/loopback-certificate.ts'
import { type FilerScript, grpcError, startStubFiler } from '../fixtures/stub-filer.ts'
import { failureOf } from '../fixtures/stub-store.ts'

const UNAUTHENTICATED = 16
const ADDRESS = 'filer.invalid:18888'
const CA = LOOPBACK_CERTIFICATE
const soon = () => AbortSignal.timeout(5_000)

/** What a readiness check says of a filer that answers so. */
async function verdictOn(t: Test, script: FilerScript, clockAheadMs = Number.NaN) {
  const { filer } = await startStubFiler(t, script)
  const channel = buildGrpcChannel(filer.address, 'off')
  t.teardown(() => channel.close())
  return failureOf(checkFiler(filer, channel, clockAheadMs, soon()))
}

t.test('checkFiler', async (t) => {
  const refused = () => grpcError(UNAUTHENTICATED, 'invalid admin token')

  t.test('is content with an answer, whether there is such a user or not', async (t) => {
    t.equal(await verdictOn(t, { GetUser: () => grpcError(5) }), 'no failure')
    t.equal(await verdictOn(t, { GetUser: () => ({}) }), 'no failure')
  })

  t.test('names the setting', async (t) => {
    t.match(await verdictOn(t, { GetUser: refused }), /^503 S3P_NOT_READY: FILER_JWT_SIGNING_KEY: /)
    t.match(await verdictOn(t, {}), /^503 S3P_NOT_READY: FILER_GRPC_ADDRESS: what answers at /)
    const failing = () => grpcError(13, 'disk full')
    t.match(
      await verdictOn(t, { GetUser: failing }),
      /^503 S3P_NOT_READY: FILER_GRPC_ADDRESS: the filer at .* fails \(disk full\)/
    )
  })

  t.test('knows a clock that is late from a wrong key', async (t) => {
    t.match(
      await verdictOn(t, { GetUser: refused }, -120_000),
      /^503 S3P_NOT_READY: The clock here is 120 s behind that of the store, /
    )
    t.match(await verdictOn(t, { GetUser: refused }, 120_000), /FILER_JWT_SIGNING_KEY/)
  })

  t.test('says when the files of the certificate cannot be used', async (t) => {
    const folder = t.testdir({ 'tls.crt': 'no certificate', 'tls.key': 'no key' })
    const { filer } = await startStubFiler(t, {})
    for (const file of ['tls.crt', 'nowhere']) {
      const client = { certFile: `${folder}/${file}`, keyFile: `${folder}/tls.key` }
      const channel = buildGrpcChannel(filer.address, { ca: CA, client })
      t.match(
        await failureOf(checkFiler(filer, channel, Number.NaN, soon())),
        /^503 S3P_NOT_READY: FILER_TLS_CERT_FILE and FILER_TLS_KEY_FILE cannot be used: /
      )
      const api = buildFilerApi(filer, channel, (_step, _budget, write) => write())
      t.match(
        await failureOf(api.listUsers(budget())),
        /^503 S3P_STORE_UNAVAILABLE: .* listing the users for profile team-a: FILER_TLS_CERT_FILE/
      )
      channel.close()
    }
  })
})

t.test('isOpenToAll', async (t) => {
  const asked = async (script: FilerScript) => {
    const { filer, tokens } = await startStubFiler(t, script)
    const channel = buildGrpcChannel(filer.address, 'off')
    t.teardown(() => channel.close())
    const isOpen = await isOpenToAll(channel, soon())
    t.strictSame(tokens, [undefined])
    return isOpen
  }
  t.equal(await asked({ GetUser: () => ({}) }), true)
  t.equal(await asked({ GetUser: () => grpcError(5) }), true)
  t.equal(await asked({ GetUser: () => grpcError(UNAUTHENTICATED) }), false)
})

t.test('connections', async (t) => {
  const verdict = async (address: string, tls: Parameters<typeof buildGrpcChannel>[1]) => {
    const channel = buildGrpcChannel(address, tls)
    t.teardown(() => channel.close())
    const filer = { address, signingKey: 'signing-key-of-the-tests', tls }
    return failureOf(checkFiler(filer, channel, Number.NaN, soon()))
  }
  const script = { GetUser: () => grpcError(5) }
  const folder = t.testdir({ 'tls.crt': CA, 'tls.key': LOOPBACK_KEY })
  const client = { certFile: `${folder}/tls.crt`, keyFile: `${folder}/tls.key` }

  t.test('with and without TLS', async (t) => {
    const encrypted = await startStubFiler(t, script, { isTls: true })
    const { address } = encrypted.filer
    t.equal(await verdict(address, { ca: CA, client }), 'no failure')
    t.match(
      await verdict(address, { ca: CA, client: 'off' }),
      /FILER_CA: no TLS with the filer at /
    )
    t.match(
      await verdict(address, 'off'),
      /FILER_GRPC_ADDRESS: no answer from .*set FILER_CA if it/
    )
    const plain = await startStubFiler(t, script)
    t.match(await verdict(plain.filer.address, { ca: CA, client: 'off' }), /does not speak TLS/)
  })

  t.test('to nobody, and to nowhere', async (t) => {
    const gone = await startStubFiler(t, script)
    await gone.stop()
    t.match(await verdict(gone.filer.address, 'off'), /FILER_GRPC_ADDRESS: nobody listens at /)
    t.match(await verdict(ADDRESS, 'off'), /FILER_GRPC_ADDRESS: the host filer.invalid cannot be/)
  })

  t.test('are made again when the filer comes back', async (t) => {
    const stub = await startStubFiler(t, script)
    const channel = buildGrpcChannel(stub.filer.address, 'off')
    t.teardown(() => channel.close())
    const check = () => failureOf(checkFiler(stub.filer, channel, Number.NaN, soon()))
    t.equal(await check(), 'no failure')
    await stub.stop()
    t.match(await check(), /^503 S3P_NOT_READY: FILER_GRPC_ADDRESS: /)
    await stub.start()
    let said = await check()
    for (let attempt = 0; attempt < 100 && said !== 'no failure'; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      said = await check()
    }
    t.equal(said, 'no failure')
  })

  t.test('use a renewed certificate within a minute', async (t) => {
    const encrypted = await startStubFiler(t, script, { isTls: true })
    const { address } = encrypted.filer
    const mounted = t.testdir({ 'tls.crt': CA, 'tls.key': LOOPBACK_KEY })
    const tls = {
      ca: CA,
      client: { certFile: `${mounted}/tls.crt`, keyFile: `${mounted}/tls.key` }
    }
    let now = 0
    const channel = buildGrpcChannel(address, tls, () => now)
    t.teardown(() => channel.close())
    const check = () => failureOf(checkFiler(encrypted.filer, channel, Number.NaN, soon()))
    t.equal(await check(), 'no failure')
    await writeFile(tls.client.certFile, 'no certificate')
    now += 61_000
    t.equal(await check(), 'no failure', 'the one before stays')
    await writeFile(tls.client.certFile, `${CA}\n`)
    now += 61_000
    t.equal(await check(), 'no failure', 'another one')
    now += 61_000
    t.equal(await check(), 'no failure', 'the same again')
  })

  t.test('take as long as the budget lasts', async (t) => {
    const silent = await startStubFiler(t, { GetUser: () => new Promise(() => {}) })
    const channel = buildGrpcChannel(silent.filer.address, 'off')
    t.teardown(() => channel.close())
    const api = buildFilerApi(silent.filer, channel, (_step, _budget, write) => write())
    for (const short of [budget(50), spentBudget()]) {
      t.match(
        await failureOf(api.readIdentity('user-a', short)),
        'while reading user user-a for profile team-a: no answer within the sync budget'
      )
    }
    const check = checkFiler(silent.filer, channel, Number.NaN, AbortSignal.timeout(50))
    t.match(await failureOf(check), /FILER_GRPC_ADDRESS: no answer from .* in time/)
  })
})

t.test('filerError', async (t) => {
  const step = 'creating user user-a'
  const said = (code: number, details = 'as it said') =>
    filerError({ code, details }, ADDRESS, step, budget()).message

  t.equal(said(7), `Object store refused ${step} for profile team-a: as it said (gRPC status 7)`)
  t.match(
    said(16),
    /^Object store unavailable while .* for profile team-a: FILER_JWT_SIGNING_KEY: /
  )
  t.match(
    said(14, 'read ECONNREFUSED'),
    /FILER_GRPC_ADDRESS: nobody listens at filer.invalid:18888/
  )
  t.match(
    said(14, 'the connection was dropped'),
    /no answer from .* \(the connection was dropped\);/
  )
  t.equal(filerFault(new NotReady('of another kind'), ADDRESS), undefined)

  t.test('says nothing of a secret, wherever the filer repeats it', async (t) => {
    for (const code of [2, 3, 14]) {
      const error = { code, details: 'cannot keep s3cr3t' }
      const { message } = filerError(error, ADDRESS, step, budget(), ['s3cr3t'])
      t.match(message, 'cannot keep [redacted]')
      t.notMatch(message, 's3cr3t')
    }
  })

  t.test('knows what is no answer of the filer', async (t) => {
    const { message } = filerError(new Error('Channel has been shut down'), ADDRESS, step, budget())
    t.equal(
      message,
      `Object store unavailable while ${step} for profile team-a: Channel has been shut down`
    )
  })
})
