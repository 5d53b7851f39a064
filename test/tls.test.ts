import { writeFileSync } from 'node:fs'
import { Server } from 'node:https'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { followTls, readTls, type TlsPair } from '../src/tls.ts'
import { buildFakeObjectStore } from './fixtures/fake-object-store.ts'
import { serve } from './fixtures/served.ts'

/** A certificate in its files, and a server that knows only pairs. */
function mounted(t: Test) {
  const folder = t.testdir({ 'tls.crt': 'first', 'tls.key': 'key of first' })
  const files = { certFile: `${folder}/tls.crt`, keyFile: `${folder}/tls.key` }
  const used: TlsPair[] = []
  const logged: string[] = []
  const log = pino({}, { write: (line: string) => void logged.push(line) })
  const server = {
    setSecureContext(pair: TlsPair) {
      if (pair.key !== `key of ${pair.cert}`) throw new Error('key values mismatch')
      used.push(pair)
    }
  }
  return { files, used, logged, log, server }
}

t.test('followTls', async (t) => {
  t.test('leaves a certificate alone that is still the same', async (t) => {
    const { files, used, log, server } = mounted(t)
    await followTls(server, files, await readTls(files), log)()
    t.same(used, [])
  })

  t.test('uses a renewed one, once', async (t) => {
    const { files, used, log, server } = mounted(t)
    const follow = followTls(server, files, await readTls(files), log)
    writeFileSync(files.certFile, 'second')
    writeFileSync(files.keyFile, 'key of second')
    await follow()
    await follow()
    t.same(used, [{ cert: 'second', key: 'key of second' }])
  })

  t.test('waits for the key that belongs to a certificate', async (t) => {
    const { files, used, logged, log, server } = mounted(t)
    const follow = followTls(server, files, await readTls(files), log)
    writeFileSync(files.certFile, 'second')
    await follow()
    t.same(used, [])
    t.match(logged.join(''), 'the one before it stays')
    t.notMatch(logged.join(''), 'key of first')
    writeFileSync(files.keyFile, 'key of second')
    await follow()
    t.same(used, [{ cert: 'second', key: 'key of second' }])
  })
})

t.test('a hook with a certificate speaks HTTPS', async (t) => {
  const { server } = serve(buildFakeObjectStore().store, {}, {}, { cert: '', key: '' })
  t.ok(server.server instanceof Server)
  t.equal((await server.inject('/healthz')).statusCode, 200)
})
