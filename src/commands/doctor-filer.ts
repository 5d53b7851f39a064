import type { FilerSettings } from '../config.ts'
import { otherWriterHole } from '../desired/known-holes.ts'
import { isOpenToAll } from '../object-store/filer-check.ts'
import { buildGrpcChannel } from '../object-store/grpc-channel.ts'
import { findOtherWriters } from '../object-store/other-writers.ts'
import { type Finding, failed, ok } from './finding.ts'

/** Who but us writes identities, or could: with the filer's service that must be nobody. */
export async function examineFiler(
  settings: FilerSettings,
  signal: AbortSignal
): Promise<Finding[]> {
  const { address, tls } = settings.filer
  const channel = buildGrpcChannel(address, tls)
  const [isOpen, writers] = await Promise.all([
    isOpenToAll(channel, signal),
    findOtherWriters(settings, channel)
  ])
  channel.close()
  const check = 'IAM over HTTP'
  const others = writers.map((url) => {
    const { name, remedy } = otherWriterHole(url)
    return failed(check, name, remedy)
  })
  const nobody = ok(check, 'nothing writable was found, as far as this pod can look')
  return [examineOpenness(address, isOpen), ...(others.length > 0 ? others : [nobody])]
}

function examineOpenness(address: string, isOpen: boolean): Finding {
  const check = `filer without a token at ${address}`
  if (!isOpen) return ok(check, 'refuses strangers, or is not reachable from here')
  return failed(
    check,
    'answers anybody; whoever reaches it is the admin of the store',
    'set WEED_JWT_FILER_SIGNING_KEY on every SeaweedFS process, and admit nobody but SeaweedFS and the hook to that port with a NetworkPolicy'
  )
}
