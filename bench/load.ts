import { percentile } from './figures.ts'
import type { HookProcess } from './hook-process.ts'
import { buildPost } from './http-client.ts'

export interface Load {
  /** CPU of the hook, for each request. */
  readonly cpuMs: number
  readonly p99Ms: number
  readonly perSecond: number
}

/** Posts the bodies in turn on so many connections, each as soon as it has its answer, and every one must be 200. */
export async function load(
  hook: HookProcess,
  bodies: readonly string[],
  requests: number,
  connections: number
): Promise<Load> {
  const post = buildPost(`${hook.url}/sync`, hook.headers, connections)
  const latencies: number[] = []
  let sent = 0
  const before = hook.usage().cpuMs
  const beganAt = performance.now()
  const connection = async () => {
    while (sent < requests) {
      const body = bodies[sent % bodies.length] as string
      sent += 1
      const sentAt = performance.now()
      const { status, text } = await post(body)
      latencies.push(performance.now() - sentAt)
      if (status !== 200) throw new Error(`A steady sync was answered with ${status}: ${text}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, connection))
  return {
    cpuMs: (hook.usage().cpuMs - before) / requests,
    p99Ms: percentile(latencies, 0.99),
    perSecond: (requests * 1000) / (performance.now() - beganAt)
  }
}
