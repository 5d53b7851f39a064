import t from 'tap'
import { NO_FINDINGS } from '../src/desired/identity.ts'
import { buildMetrics, type Metrics } from '../src/metrics.ts'

/** The sample lines of one metric, as Prometheus reads them. */
async function samplesOf({ registry }: Metrics, name: string): Promise<string[]> {
  const lines = (await registry.metrics()).split('\n')
  return lines.filter((line) => line.startsWith(name))
}

t.test('buildMetrics', async (t) => {
  t.test('counts hook calls by hook and outcome', async (t) => {
    const metrics = buildMetrics()
    metrics.hookAnswered('sync', 'ok', 0.003)
    metrics.hookAnswered('sync', 'ok', 0.2)
    metrics.hookAnswered('finalize', 'S3P_STORE_UNAVAILABLE', 30)
    t.strictSame(await samplesOf(metrics, 's3p_hook_seconds_count'), [
      's3p_hook_seconds_count{hook="sync",outcome="ok"} 2',
      's3p_hook_seconds_count{hook="finalize",outcome="S3P_STORE_UNAVAILABLE"} 1'
    ])
    t.strictSame(await samplesOf(metrics, 's3p_hook_seconds_sum'), [
      's3p_hook_seconds_sum{hook="sync",outcome="ok"} 0.203',
      's3p_hook_seconds_sum{hook="finalize",outcome="S3P_STORE_UNAVAILABLE"} 30'
    ])
    t.match(await samplesOf(metrics, 's3p_hook_seconds_bucket{le="0.01"'), [
      's3p_hook_seconds_bucket{le="0.01",hook="sync",outcome="ok"} 1'
    ])
  })

  t.test('counts writes on the store', async (t) => {
    const metrics = buildMetrics()
    t.strictSame(await samplesOf(metrics, 's3p_store_writes_total'), ['s3p_store_writes_total 0'])
    metrics.storeWritten()
    metrics.storeWritten()
    t.strictSame(await samplesOf(metrics, 's3p_store_writes_total'), ['s3p_store_writes_total 2'])
  })

  t.test('tells how many writes wait, and for how long', async (t) => {
    const metrics = buildMetrics()
    t.strictSame(
      await samplesOf(metrics, 's3p_write_queue_length'),
      ['s3p_write_queue_length{queue="identity"} 0', 's3p_write_queue_length{queue="bucket"} 0'],
      'zeros from the start'
    )
    metrics.queueLength('identity', 3)
    metrics.queueLength('identity', 2)
    metrics.writeWaited('bucket', 0.2)
    t.match(await samplesOf(metrics, 's3p_write_queue_length{queue="identity"'), [/ 2$/])
    t.strictSame(await samplesOf(metrics, 's3p_write_queue_wait_seconds_sum'), [
      's3p_write_queue_wait_seconds_sum{queue="bucket"} 0.2'
    ])
  })

  t.test('counts repairs of bucket policies', async (t) => {
    const metrics = buildMetrics()
    metrics.bucketPolicyRepaired()
    t.strictSame(await samplesOf(metrics, 's3p_bucket_policy_repairs_total'), [
      's3p_bucket_policy_repairs_total 1'
    ])
  })

  t.test('counts keys that were retired', async (t) => {
    const metrics = buildMetrics()
    metrics.accessKeyRetired()
    t.strictSame(await samplesOf(metrics, 's3p_access_keys_retired_total'), [
      's3p_access_keys_retired_total 1'
    ])
  })

  t.test('counts profiles that held the admin’s key', async (t) => {
    const metrics = buildMetrics()
    metrics.adminKeyReplaced()
    t.strictSame(await samplesOf(metrics, 's3p_admin_keys_replaced_total'), [
      's3p_admin_keys_replaced_total 1'
    ])
  })

  t.test('counts Secrets whose place is taken', async (t) => {
    const metrics = buildMetrics()
    metrics.secretTaken()
    t.strictSame(await samplesOf(metrics, 's3p_secrets_taken_total'), ['s3p_secrets_taken_total 1'])
  })

  t.test('shows what the last finished audit found', async (t) => {
    const metrics = buildMetrics()
    t.equal((await samplesOf(metrics, 's3p_audit_findings{')).length, 7, 'zeros from the start')
    const findings = { ...NO_FINDINGS, 'foreign-key': 2 }
    metrics.auditEnded({ users: 7, unclaimed: 3, findings })
    metrics.auditEnded('failed')
    t.match(await samplesOf(metrics, 's3p_audit_findings{finding="foreign-key"'), [/ 2$/])
    t.strictSame(await samplesOf(metrics, 's3p_audit_unclaimed_users'), [
      's3p_audit_unclaimed_users 3'
    ])
    t.strictSame(await samplesOf(metrics, 's3p_audits_total'), [
      's3p_audits_total{outcome="ok"} 1',
      's3p_audits_total{outcome="failed"} 1'
    ])
  })

  t.test('counts objects that went with their profiles', async (t) => {
    const metrics = buildMetrics()
    metrics.objectsDeleted(250)
    metrics.objectsDeleted(3)
    t.strictSame(await samplesOf(metrics, 's3p_objects_deleted_total'), [
      's3p_objects_deleted_total 253'
    ])
  })

  t.test('tells about the process, with a registry of its own each time', async (t) => {
    const metrics = buildMetrics()
    buildMetrics().storeWritten()
    t.equal((await samplesOf(metrics, 'process_resident_memory_bytes ')).length, 1)
    t.strictSame(await samplesOf(metrics, 's3p_store_writes_total'), ['s3p_store_writes_total 0'])
  })
})
