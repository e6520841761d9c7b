# CustomResourceDefinitions with stock kubectl of several versions: made, explained, validated, printed, watched,
# patched, scaled, kept over kill -9, and gone with everything they made.
source "$(dirname "$0")/lib.sh"

kubectls=(kubectl)
unpack=$SOURCE/../shared/kubectl/unpack
if [[ -x $unpack ]]; then
  mapfile -t more < <("$unpack" "$WORK/kubectls")
  kubectls+=("${more[@]}")
else
  echo "SKIPPED: kubectl 1.27, 1.30 and 1.33 are not beside this checkout ($unpack)"
fi

cat >"$WORK/crd.yaml" <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources:
        status: {}
        scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector}
      additionalPrinterColumns:
        - {name: Size, type: string, jsonPath: .spec.size}
        - {name: Replicas, type: integer, jsonPath: .spec.replicas}
        - {name: Host, type: string, jsonPath: .spec.host, priority: 1}
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
      schema:
        openAPIV3Schema:
          type: object
          required: [spec]
          properties:
            spec:
              type: object
              description: What is wanted of a widget.
              required: [name]
              properties:
                name: {type: string, minLength: 3, description: What it is called.}
                size: {type: string, enum: [small, large], default: small, description: How big it is.}
                replicas: {type: integer, minimum: 0, maximum: 10, default: 1}
                host: {type: string, pattern: '^[a-z]+$'}
                ports:
                  type: array
                  minItems: 1
                  items: {type: object, required: [port], properties: {port: {type: integer}}}
            status:
              type: object
              properties: {replicas: {type: integer}, selector: {type: string}, phase: {type: string}}
YAML

widget() { # widget NAME SPEC
  printf 'apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: %s}\nspec: %s\n' "$1" "$2"
}

# refused SPEC TEXT: kubectl says exactly this about the object.
refused() {
  local said
  said=$(widget bad "$1" | k apply -f - 2>&1) && fail "not refused: $1"
  grep -qF -- "$2" <<<"$said" || fail "for $1 not '$2' but: $said"
  k get widget bad >/dev/null 2>&1 && fail "there in spite of the refusal: $1"
  return 0
}

definitions() { # bad ones
  sed 's/^metadata: .*/metadata: {name: gadgets.example.com}/' "$WORK/crd.yaml" | k create -f - 2>&1 |
    expect "wrong name" 'metadata.name: Invalid value: "gadgets.example.com": must be spec.names.plural\+"."\+spec.group'
  sed 's/storage: true/storage: false/' "$WORK/crd.yaml" | k create -f - 2>&1 |
    expect "no storage version" 'must have exactly one version marked as storage version'
  sed 's/^  scope: .*/  scope: World/' "$WORK/crd.yaml" | k create -f - 2>&1 |
    expect "wrong scope" 'spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"'
  sed 's/^  scope: .*/  scope: Namespaced\n  conversion: {strategy: Webhook}/' "$WORK/crd.yaml" | k create -f - 2>&1 |
    expect "webhook" 'spec.conversion.strategy: Unsupported value: "Webhook": supported values: "None"'
  exits 1 k get crd widgets.example.com
}

objects() {
  widget web '{name: shop, host: abc}' | k apply -f - | expect "apply" '^widget.example.com/web created'
  widget web '{name: shop, host: abc}' | k apply -f - | expect "apply again" '^widget.example.com/web unchanged'
  [[ $(k get wd web -o 'jsonpath={.spec.size} {.spec.replicas} {.metadata.generation}') == "small 1 1" ]] || fail "defaults"
  refused '{name: shop, replicas: 11}' 'spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10'
  refused '{name: shop, size: x}' 'spec.size: Unsupported value: "x": supported values: "small", "large"'
  refused '{}' 'spec.name: Required value'
  refused '{name: shop, replicas: many}' 'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"'
  refused '{name: shop, host: X}' "spec.host: Invalid value: \"X\": spec.host in body should match '^[a-z]+\$'"
  refused '{name: ab}' 'spec.name in body should be at least 3 chars long'
  refused '{name: shop, ports: []}' 'spec.ports in body should have at least 1 items'
  refused '{name: shop, ports: [{}]}' 'spec.ports[0].port: Required value'
  refused '{name: shop, bogus: 1}' 'unknown field "spec.bogus"'
  k get wd | expect "heading" '^NAME +SIZE +REPLICAS +AGE$'
  k get wd | expect "row" '^web +small +1 +[0-9]+s$'
  k get widgets.example.com -o wide | expect "wide" '^web +small +1 +abc +[0-9]+s$'
  k get all | expect "category" '^widget.example.com/web '
}

changes() {
  k get wd web -w >"$WORK/watch" 2>&1 &
  local watch=$!
  eventually 10 grep -q '^web ' "$WORK/watch"
  k patch wd web --type=merge -p '{"spec":{"size":"large"}}' | expect "merge patch" 'patched'
  eventually 10 grep -qE '^web +large' "$WORK/watch"
  kill "$watch"
  wait "$watch" || true
  exits 1 k patch wd web --type=strategic -p '{"spec":{"size":"large"}}'
  k scale wd/web --replicas=4 | expect "scale" 'widget.example.com/web scaled'
  exits 1 k scale wd/web --replicas=11
  [[ $(k get wd web -o 'jsonpath={.spec.replicas} {.metadata.generation}') == "4 3" ]] || fail "scale: $(k get wd web -o yaml)"
  k patch wd web --type=merge -p '{"status":{"phase":"lost"}}' | expect "status apart" 'patched'
  k patch wd web --subresource=status --type=merge -p '{"spec":{"size":"small"},"status":{"phase":"Ready","replicas":4}}' >/dev/null
  [[ $(k get wd web -o 'jsonpath={.status.phase} {.spec.size} {.metadata.generation}') == "Ready large 3" ]] || fail "status: $(k get wd web -o yaml)"
  [[ $(k get wd web --subresource=scale -o 'jsonpath={.spec.replicas} {.status.replicas}') == "4 4" ]] || fail "scale subresource"
  widget side '{name: side}' | k apply --server-side --field-manager=me -f - | expect "server side" 'serverside-applied'
}

whole_life() {
  definitions
  k create -f "$WORK/crd.yaml" | expect "create" '^customresourcedefinition.apiextensions.k8s.io/widgets.example.com created'
  k wait --for=condition=Established crd/widgets.example.com --timeout=10s >/dev/null
  k get crd | expect "crd table" '^widgets.example.com +20[0-9-]+T'
  eventually 10 k get wd
  k explain widgets.spec | expect "explain" 'How big it is'
  k api-resources --api-group=example.com | expect "api-resources" '^widgets +wd +example.com/v1 +true +Widget'
  objects
  changes
}

up
for kubectl in "${kubectls[@]}"; do
  k() { "$kubectl" --cache-dir="$WORK/cache-${kubectl##*/}" "$@"; }
  whole_life
  k delete crd widgets.example.com --timeout=20s >/dev/null
  k get crd 2>&1 | expect "crd gone" 'No resources found'
  k create -f "$WORK/crd.yaml" >/dev/null
  k get --raw /apis/example.com/v1/widgets | expect "objects gone" '"items":\[\]'
  k delete crd widgets.example.com --timeout=20s >/dev/null
done

k create -f "$WORK/crd.yaml" >/dev/null
widget web '{name: kept}' | k create -f - >/dev/null
kill -9 "$(daemon_pid)"
up
k get wd web -o 'jsonpath={.spec.name}' | expect "kept over kill -9" '^kept$'
refused '{name: shop, replicas: 11}' 'should be less than or equal to 10'
k delete crd widgets.example.com --timeout=20s >/dev/null
down
