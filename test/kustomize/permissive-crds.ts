import type { Rendered } from './rendered.ts'

interface Definition {
  readonly apiVersion: 'apiextensions.k8s.io/v1'
  readonly kind: 'CustomResourceDefinition'
  readonly metadata: { readonly name: string; readonly annotations: object }
  readonly spec: object
}

/** Kinds of other projects that our components use, and how many of it are called. */
const FOREIGN: Readonly<Record<string, { plural: string; scope: 'Namespaced' | 'Cluster' }>> = {
  'metacontroller.k8s.io/CompositeController': { plural: 'compositecontrollers', scope: 'Cluster' },
  'metacontroller.k8s.io/DecoratorController': { plural: 'decoratorcontrollers', scope: 'Cluster' },
  'security.istio.io/AuthorizationPolicy': { plural: 'authorizationpolicies', scope: 'Namespaced' },
  'security.istio.io/PeerAuthentication': { plural: 'peerauthentications', scope: 'Namespaced' },
  'networking.istio.io/DestinationRule': { plural: 'destinationrules', scope: 'Namespaced' },
  'networking.istio.io/VirtualService': { plural: 'virtualservices', scope: 'Namespaced' },
  'monitoring.coreos.com/PodMonitor': { plural: 'podmonitors', scope: 'Namespaced' },
  'monitoring.coreos.com/ServiceMonitor': { plural: 'servicemonitors', scope: 'Namespaced' },
  'monitoring.coreos.com/PrometheusRule': { plural: 'prometheusrules', scope: 'Namespaced' },
  'cert-manager.io/Certificate': { plural: 'certificates', scope: 'Namespaced' },
  'cert-manager.io/Issuer': { plural: 'issuers', scope: 'Namespaced' },
  'trust.cert-manager.io/Bundle': { plural: 'bundles', scope: 'Cluster' }
}

/** A definition that lets any content pass: of the kind alone these tests need to know that it is there. */
export function definitionOf({ apiVersion, kind = '' }: Rendered): Definition[] {
  const [group = '', version = ''] = apiVersion.split('/')
  const known = FOREIGN[`${group}/${kind}`]
  if (known === undefined) return []
  const { plural, scope } = known
  const schema = {
    openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  }
  return [
    {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      // Kubernetes asks for it in its own groups; Metacontroller's is one of them.
      metadata: {
        name: `${plural}.${group}`,
        annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' }
      },
      spec: {
        group,
        scope,
        names: { kind, plural, singular: kind.toLowerCase() },
        versions: [{ name: version, served: true, storage: true, schema }]
      }
    }
  ]
}
