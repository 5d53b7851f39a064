import type { Processes } from './processes.ts'

/** A Kubernetes API with its garbage collection, and a Metacontroller at hand. */
export interface Cluster {
  readonly description: string
  /** The text of its administrator's. */
  readonly kubeconfig: string
  /** Metacontroller's CustomResourceDefinitions, as a file or an address. */
  readonly metacontrollerCrds: string
  /** Where a server on this machine listens for Metacontroller, and how that calls it. */
  readonly thisMachine: { readonly listen: string; readonly call: string }
  readonly processes: Processes
  /** @param token of the ServiceAccount that Metacontroller is given */
  startMetacontroller(token: string): Promise<Metacontroller>
}

export interface Metacontroller {
  /** Rejects when it ends by itself. */
  readonly ended: Promise<void>
}

/** In one sentence, for whoever wants to run these tests. */
export interface Missing {
  readonly missing: string
}

/** As KFP runs it. */
export const METACONTROLLER_LINE = [
  '--zap-log-level=4',
  '--discovery-interval=3600s',
  '--metrics-address=0',
  '--health-probe-bind-address=0'
]
