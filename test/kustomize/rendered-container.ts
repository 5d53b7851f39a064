import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KubernetesObject } from '../cluster/kubernetes.ts'

/** What is otherwise in the cluster, and here is not. */
export interface Machine {
  /** Where the container's volumes are made. */
  readonly folder: string
  /** Secrets by name, of which the rendered YAML knows but the name. */
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Addresses, paths and ports of the cluster and what stands for them here; the longest is replaced first. */
  readonly here: Readonly<Record<string, string>>
}

/** A rendered container as a process of this machine. */
export interface Line {
  readonly program: string
  readonly args: string[]
  readonly environment: Record<string, string>
}

interface Container {
  readonly name: string
  readonly command?: string[]
  readonly args?: string[]
  readonly env?: { name: string; value?: string; valueFrom?: ValueFrom }[]
  readonly envFrom?: { configMapRef?: Named; secretRef?: Named }[]
  readonly volumeMounts?: { name: string; mountPath: string }[]
}

interface Named {
  readonly name: string
  readonly optional?: boolean
}

interface ValueFrom {
  readonly secretKeyRef?: Named & { key: string }
  readonly configMapKeyRef?: Named & { key: string }
}

interface Pod {
  readonly initContainers?: Container[]
  readonly containers: Container[]
  readonly volumes?: {
    name: string
    configMap?: Named
    secret?: { secretName: string; optional?: boolean }
  }[]
}

/** @throws Error when the YAML has no such container, or it needs what the machine has not */
export function lineOf(
  objects: KubernetesObject[],
  [kind, workload, name]: [kind: string, workload: string, container: string],
  machine: Machine
): Line {
  const pod = podOf(objects, kind, workload)
  const container = [...(pod.initContainers ?? []), ...pod.containers].find(
    (container) => container.name === name
  )
  if (container === undefined) throw new Error(`${kind} ${workload} has no container ${name}`)
  const mounts = makeVolumes(objects, pod, container, machine)
  const here = (text: string) => replaced(text, { ...mounts, ...machine.here })
  const environment: Record<string, string> = {}
  for (const [variable, value] of environmentOf(objects, container, machine)) {
    environment[variable] = here(expanded(value, environment))
  }
  const words = [...(container.command ?? []), ...(container.args ?? [])].map((word) =>
    here(expanded(word, environment))
  )
  const [program, ...args] = words
  if (program === undefined) throw new Error(`${name} of ${workload} has no command`)
  return { program, args, environment }
}

export function podOf(objects: KubernetesObject[], kind: string, workload: string): Pod {
  const { spec } = objectOf(objects, kind, workload) as unknown as {
    spec: { template: { spec: Pod } }
  }
  return spec.template.spec
}

export function objectOf(
  objects: KubernetesObject[],
  kind: string,
  name: string
): KubernetesObject {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name} was rendered`)
  return found
}

function* environmentOf(
  objects: KubernetesObject[],
  container: Container,
  { secrets }: Machine
): Generator<[name: string, value: string]> {
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef) yield* Object.entries(configMapData(objects, configMapRef.name))
    if (secretRef) yield* Object.entries(secretData(secrets, secretRef))
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const { secretKeyRef, configMapKeyRef } = valueFrom ?? {}
    const found = secretKeyRef
      ? secretData(secrets, secretKeyRef)[secretKeyRef.key]
      : configMapKeyRef
        ? configMapData(objects, configMapKeyRef.name)[configMapKeyRef.key]
        : (value ?? '')
    if (found !== undefined) yield [name, found]
    else if (!(secretKeyRef ?? configMapKeyRef)?.optional) throw new Error(`nothing for ${name}`)
  }
}

function configMapData(objects: KubernetesObject[], name: string): Record<string, string> {
  return objectOf(objects, 'ConfigMap', name).data ?? {}
}

function secretData(secrets: Machine['secrets'], { name, optional }: Named) {
  const found = secrets[name]
  if (found === undefined && !optional) throw new Error(`no Secret ${name} here`)
  return found ?? {}
}

/** Each volume is a folder; answers what stands for the mount's path. */
function makeVolumes(
  objects: KubernetesObject[],
  { volumes = [] }: Pod,
  { volumeMounts = [] }: Container,
  { folder, secrets }: Machine
): Record<string, string> {
  const mounts: Record<string, string> = {}
  for (const { name, mountPath } of volumeMounts) {
    const path = join(folder, name)
    mkdirSync(path, { recursive: true })
    const volume = volumes.find((volume) => volume.name === name)
    const files = volume?.configMap
      ? configMapData(objects, volume.configMap.name)
      : volume?.secret
        ? secretData(secrets, { ...volume.secret, name: volume.secret.secretName })
        : {}
    for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
    mounts[mountPath] = path
  }
  return mounts
}

/** As the kubelet does it with `$(NAME)`. */
function expanded(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (all, name) => environment[name] ?? all)
}

function replaced(text: string, here: Readonly<Record<string, string>>): string {
  const names = Object.keys(here).sort((a, b) => b.length - a.length)
  const pattern = new RegExp(names.map((name) => RegExp.escape(name)).join('|'), 'g')
  return names.length === 0 ? text : text.replace(pattern, (name) => here[name] ?? name)
}
