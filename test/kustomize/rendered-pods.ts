import type { ConfigMap, Rendered } from './rendered.ts'

/** What a manifest says of a container, as far as a process can follow it. */
export interface Container {
  readonly name: string
  readonly command: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly EnvironmentVariable[]
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[]
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[]
  readonly startupProbe?: Probe
  readonly readinessProbe?: Probe
  readonly livenessProbe?: Probe
}

export interface Probe {
  readonly exec?: { readonly command: readonly string[] }
  readonly httpGet?: {
    readonly path: string
    readonly port: number | string
    readonly scheme?: 'HTTP' | 'HTTPS'
  }
  readonly tcpSocket?: { readonly port: number | string }
}

interface EnvironmentVariable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly secretKeyRef?: KeyRef
    readonly configMapKeyRef?: KeyRef
    readonly fieldRef?: { readonly fieldPath: string }
  }
}

interface KeyRef {
  readonly name: string
  readonly key: string
  readonly optional?: boolean
}

export interface Volume {
  readonly name: string
  readonly configMap?: { readonly name: string }
  readonly secret?: {
    readonly secretName: string
    readonly items?: readonly { readonly key: string; readonly path: string }[]
  }
}

/** One pod of a workload. */
export interface Pod {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly containers: readonly Container[]
  readonly volumes: readonly Volume[]
}

export interface Service {
  readonly name: string
  readonly selector: Readonly<Record<string, string>>
  readonly ports: readonly { readonly port: number; readonly targetPort?: number | string }[]
}

export type Values = Readonly<Record<string, Readonly<Record<string, string>>>>

interface PodSpec {
  readonly containers: Container[]
  readonly volumes?: Volume[]
}

/** The first pod of every Deployment, StatefulSet and Job. */
export function podsOf(objects: readonly Rendered[]): Pod[] {
  return objects
    .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet' || kind === 'Job')
    .map((object) => {
      const { template } = (object as unknown as { spec: unknown }).spec as {
        template: { metadata?: { labels?: Record<string, string> }; spec: PodSpec }
      }
      return {
        name: `${object.metadata.name}-0`,
        labels: template.metadata?.labels ?? {},
        containers: template.spec.containers,
        volumes: template.spec.volumes ?? []
      }
    })
}

export function servicesOf(objects: readonly Rendered[]): Service[] {
  return objects
    .filter(({ kind }) => kind === 'Service')
    .map((object) => {
      const { spec } = object as unknown as { spec: Omit<Service, 'name'> }
      return { name: object.metadata.name, ...spec }
    })
}

export function configMapsOf(objects: readonly Rendered[]): Values {
  const configMaps = objects.filter(({ kind }) => kind === 'ConfigMap') as ConfigMap[]
  return Object.fromEntries(configMaps.map(({ metadata, data }) => [metadata.name, data]))
}

/** @throws Error when the variable comes from a key that is not there, as the pod would not start */
export function environmentOf(
  { env = [], envFrom = [] }: Container,
  pod: Pod,
  secrets: Values,
  configMaps: Values
): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const { configMapRef } of envFrom) Object.assign(environment, configMaps[configMapRef.name])
  for (const { name, value, valueFrom } of env) {
    const { secretKeyRef, configMapKeyRef, fieldRef } = valueFrom ?? {}
    const found =
      fromKey(secretKeyRef, secrets) ??
      fromKey(configMapKeyRef, configMaps) ??
      (fieldRef && fieldOf(pod, fieldRef.fieldPath)) ??
      value
    if (found !== undefined) environment[name] = expand(found, environment)
  }
  return environment
}

/** The files of a volume, by name. */
export function filesOf(volume: Volume, secrets: Values, configMaps: Values) {
  const { configMap, secret } = volume
  const all =
    (configMap && configMaps[configMap.name]) ?? (secret && secrets[secret.secretName]) ?? {}
  if (secret?.items === undefined) return all
  return Object.fromEntries(secret.items.map(({ key, path }) => [path, all[key] ?? '']))
}

/** `$(NAME)`, as the kubelet does it in commands, arguments and values. */
export function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replace(/\$\(([A-Za-z0-9_]+)\)/g, (whole, name) => environment[name] ?? whole)
}

function fromKey(ref: KeyRef | undefined, objects: Values): string | undefined {
  if (ref === undefined) return undefined
  const value = objects[ref.name]?.[ref.key]
  if (value === undefined && !ref.optional) throw new Error(`No key ${ref.key} in ${ref.name}`)
  return value
}

function fieldOf(pod: Pod, path: string): string {
  if (path === 'metadata.name') return pod.name
  if (path === 'metadata.namespace') return 'kubeflow'
  if (path === 'status.podIP') return '127.0.0.1'
  throw new Error(`No field ${path}`)
}
