import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Rendered } from './rendered.ts'
import { configMapsOf, environmentOf, expand, podsOf, type Values } from './rendered-pods.ts'

/** What is in the cluster, and what stands for it here. */
export interface Machine {
  /** Where the pod's volumes are made. */
  readonly folder: string
  readonly secrets: Values
  /** Addresses of the cluster, by those of this machine. */
  readonly addresses: Readonly<Record<string, string>>
}

/** A rendered container that ends by itself, as a process of this machine. */
export interface Line {
  readonly program: string
  readonly args: string[]
  readonly environment: Record<string, string>
}

/** @throws Error when the YAML has no such pod, or it needs what the machine has not */
export function jobLine(objects: readonly Rendered[], job: string, machine: Machine): Line {
  const pod = podsOf(objects).find(({ name }) => name === `${job}-0`)
  const container = pod?.containers[0]
  if (!pod || !container) throw new Error(`No Job ${job}`)
  const configMaps = configMapsOf(objects)
  const given = environmentOf(container, pod, machine.secrets, configMaps)
  const here = { ...machine.addresses }
  for (const { name, mountPath } of container.volumeMounts ?? []) {
    const folder = join(machine.folder, name)
    mkdirSync(folder, { recursive: true })
    here[mountPath] = folder
    const { configMap } = pod.volumes.find((volume) => volume.name === name) ?? {}
    const files = configMap ? (configMaps[configMap.name] ?? {}) : {}
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  }
  const translate = (text: string) =>
    Object.entries(here).reduce((sofar, [there, local]) => sofar.replaceAll(there, local), text)
  const words = [...container.command, ...(container.args ?? [])]
  const [program = '', ...args] = words.map((word) => translate(expand(word, given)))
  const environment = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, translate(value)])
  )
  return { program, args, environment }
}
