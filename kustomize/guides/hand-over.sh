#!/bin/sh
# Prints the lines that hand each profile's objects from one controller to the other; changes nothing itself.
# Needs kubectl and jq. See decorator-composite.md.
#   sh hand-over.sh composite > lines.sh    from the Decorator to the Composite
#   sh hand-over.sh decorator > lines.sh    and back
set -eu
case ${1-} in composite | decorator) ;; *) echo "Usage: sh $0 composite|decorator" >&2 && exit 2 ;; esac

parents=$(kubectl get profiles.kubeflow.org,namespaces -o json |
  jq -c 'reduce .items[] as $one ({}; .[$one.kind][$one.metadata.name] = $one.metadata.uid)')

kubectl get secrets,configmaps,services,deployments -A -o json |
  jq -r --arg to "$1" --argjson parents "$parents" '
    "kubeflow-pipelines-profile-controller" as $name
    | "metacontroller.k8s.io/decorator-controller" as $annotation
    | .items[]
    | .metadata.namespace as $namespace
    | ($parents.Profile[$namespace]) as $profile
    | ($parents.Namespace[$namespace]) as $uid
    | select($profile != null)
    | if $to == "composite" then
        select(.metadata.annotations[$annotation]? == $name)
        # Without an owner, and with the label that it looks for, the Composite adopts it.
        | .patch = {
            ownerReferences: null, labels: {"controller-uid": $profile}, annotations: {($annotation): null}
          }
      else
        select(any(.metadata.ownerReferences[]?; .kind == "Profile" and .uid == $profile))
        # The Decorator adopts nothing: it knows its own by owner and annotation.
        | .patch = {
            ownerReferences: [{
              apiVersion: "v1", kind: "Namespace", name: $namespace, uid: $uid,
              controller: true, blockOwnerDeletion: true
            }],
            labels: {"controller-uid": null}, annotations: {($annotation): $name}
          }
      end
    | "kubectl -n \($namespace) patch \(.kind) \(.metadata.name) --type=merge -p \({metadata: .patch} | tojson | @sh)"'
