import t from 'tap'
import { Busy } from '../src/errors.ts'
import {
  ENABLED,
  HOUR_MS,
  type Laboratory,
  laboratory,
  namespaceOf
} from './fixtures/simulation/laboratory.ts'
import type { KubernetesObject } from './fixtures/simulation/simulated-cluster.ts'

t.test('the simulated Metacontroller', async (t) => {
  const team = { ...namespaceOf('team-a').metadata, labels: { [ENABLED]: 'true' } }
  const parent = { ...namespaceOf('team-a'), metadata: team }
  const configMap = (data: Record<string, string>): KubernetesObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kfp-launcher', namespace: 'team-a' },
    data
  })
  const launcherOf = ({ cluster }: Laboratory) =>
    cluster.get('ConfigMap', 'kfp-launcher', 'team-a') as KubernetesObject
  const parentOf = ({ cluster }: Laboratory) =>
    cluster.get('Namespace', 'team-a') as KubernetesObject

  /** At rest with one ConfigMap. */
  async function atRest(lags: Record<string, number> = {}) {
    const lab = laboratory('decorator', lags)
    lab.cluster.create(parent)
    lab.answers.push({ attachments: [configMap({ root: 'ours' })] })
    const metacontroller = lab.start()
    await lab.time.pass(1000)
    lab.calls.length = 0
    return { ...lab, metacontroller }
  }

  t.test('tries again after 5, 10, 20, … ms, and at once when something happens', async (t) => {
    const lab = await atRest()
    lab.answers.splice(0, 1, new Error('503'))
    touch(lab)
    await lab.time.pass(3 + 5 + 10 + 20)
    t.equal(lab.calls.length, 4)
    t.equal(lab.metacontroller.isIdle(), false)
    touch(lab)
    await lab.time.pass(3)
    t.equal(lab.calls.length, 5)
    await lab.time.pass(HOUR_MS)
    t.ok(lab.calls.length < 30, 'it does not hammer')
  })

  t.test('comes back from a 429 when it was told to, which is no failure', async (t) => {
    const lab = await atRest()
    lab.answers.splice(0, 1, new Busy('team-a', 7))
    touch(lab)
    await lab.time.pass(1_000)
    t.equal(lab.calls.length, 1)
    t.equal(lab.metacontroller.isIdle(), true)
    await lab.time.pass(6_010)
    t.equal(lab.calls.length, 2, 'to be told the same')
    touch(lab)
    await lab.time.pass(3)
    t.equal(lab.calls.length, 3, 'and at once when something happens')
    lab.answers.splice(0, 1, new Error('503'))
    lab.calls.length = 0
    await lab.time.pass(7_000 + 5 + 10)
    t.equal(lab.calls.length, 3, 'tries again after 5 ms: it is the first failure')
  })

  t.test('calls again when it was asked to, at the earliest of all times', async (t) => {
    const lab = await atRest()
    lab.answers.splice(0, 1, { attachments: [], resyncAfterSeconds: 60 })
    touch(lab)
    await lab.time.pass(1000)
    lab.answers.splice(0, 1, { attachments: [], resyncAfterSeconds: 10 })
    touch(lab)
    await lab.time.pass(1000)
    lab.answers.splice(0, 1, { attachments: [] })
    lab.calls.length = 0
    await lab.time.pass(9_010)
    t.equal(lab.calls.length, 1)
    await lab.time.pass(HOUR_MS)
    t.equal(lab.calls.length, 1)
  })

  t.test('forgets what it was asked for when it is stopped', async (t) => {
    const lab = await atRest()
    lab.answers.splice(0, 1, { attachments: [], resyncAfterSeconds: 60 })
    touch(lab)
    await lab.time.pass(1000)
    lab.metacontroller.stop()
    lab.calls.length = 0
    touch(lab)
    await lab.time.pass(HOUR_MS)
    t.same(lab.calls, [])
  })

  t.test(
    'leaves a child alone that has changed since, and repairs it when it sees it',
    async (t) => {
      const lab = await atRest()
      lab.lags['ConfigMap'] = 500
      lab.cluster.update({ ...launcherOf(lab), data: { root: 'edited' } })
      lab.answers.splice(0, 1, { attachments: [configMap({ root: 'new' })] })
      touch(lab)
      await lab.time.pass(100)
      t.same(launcherOf(lab).data, { root: 'edited' }, '409')
      await lab.time.pass(500)
      t.same(launcherOf(lab).data, { root: 'new' })
    }
  )

  t.test('applies no children when the parent has changed since', async (t) => {
    const lab = await atRest()
    lab.lags['Namespace'] = 500
    touch(lab)
    lab.answers.splice(0, 1, {
      attachments: [configMap({ root: 'new' })],
      annotations: { ready: 'yes' }
    })
    lab.cluster.update({ ...launcherOf(lab), data: { root: 'edited' } })
    await lab.time.pass(100)
    t.same(launcherOf(lab).data, { root: 'edited' })
    await lab.time.pass(1000)
    t.same(launcherOf(lab).data, { root: 'new' })
    t.equal(parentOf(lab).metadata.annotations?.['ready'], 'yes')
  })

  t.test('keeps what others added and takes back what it had applied', async (t) => {
    const lab = await atRest()
    const { data } = launcherOf(lab)
    lab.cluster.update({ ...launcherOf(lab), data: { ...data, theirs: 'kept' } })
    await lab.time.pass(100)
    lab.answers.splice(0, 1, { attachments: [configMap({ other: 'ours' })] })
    touch(lab)
    await lab.time.pass(100)
    t.same(launcherOf(lab).data, { theirs: 'kept', other: 'ours' })
  })

  t.test('writes nothing when nothing differs', async (t) => {
    const lab = await atRest()
    const before = launcherOf(lab)
    touch(lab)
    await lab.time.pass(HOUR_MS)
    t.equal(launcherOf(lab), before)
    t.equal(lab.calls.length, 1)
  })

  t.test(
    'holds a deleted parent until finalize is done, and calls again for one it does not hold',
    async (t) => {
      const lab = await atRest()
      lab.answers.splice(0, 1, { attachments: [], finalized: false, resyncAfterSeconds: 20 })
      lab.cluster.remove(parentOf(lab))
      await lab.time.pass(15_000)
      t.ok(parentOf(lab))
      lab.answers.splice(0, 1, { attachments: [], finalized: true })
      lab.calls.length = 0
      await lab.time.pass(HOUR_MS)
      t.equal(parentOf(lab), undefined)
      t.same(new Set(lab.calls.map(({ hook }) => hook)), new Set(['finalize']))
    }
  )

  t.test(
    'never runs two calls for one parent at once, whatever the number of workers',
    async (t) => {
      const lab = laboratory('decorator')
      let running = 0
      let most = 0
      lab.callHook = async () => {
        running += 1
        most = Math.max(most, running)
        await lab.time.wait(50)
        running -= 1
        return { attachments: [] }
      }
      lab.start()
      lab.cluster.create(parent)
      for (let nth = 0; nth < 5; nth++) {
        await lab.time.pass(20)
        touch(lab)
      }
      await lab.time.pass(1000)
      t.equal(most, 1)
    }
  )

  function touch(lab: Laboratory) {
    const live = parentOf(lab)
    const labels = { ...live.metadata.labels, touched: String(lab.time.now) }
    lab.cluster.update({ ...live, metadata: { ...live.metadata, labels } })
  }
})
