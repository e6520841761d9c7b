# Stock kubectl, every version that is here: apply, get -o wide, get -w, describe, scale, label, delete.
source "$(dirname "$0")/lib.sh"

kubectls=("$(command -v kubectl)")
unpack=$SOURCE/../shared/kubectl/unpack
if [[ -x $unpack ]]; then
  mapfile -t more < <("$unpack" "$WORK/kubectls")
  kubectls+=("${more[@]}")
else
  echo "SKIPPED: kubectl 1.27, 1.30 and 1.33 are not beside this checkout ($unpack)"
fi
[[ -n ${kubectls[0]} ]] || { echo "SKIPPED: there is no kubectl on this machine"; kubectls=("${kubectls[@]:1}"); }
((${#kubectls[@]})) || exit 77

up
number=0
for kubectl in "${kubectls[@]}"; do
  number=$((number + 1))
  v() { "$kubectl" --cache-dir="$WORK/cache-$number" -n "try-$number" "$@"; }
  echo "with $("$kubectl" version --client 2>/dev/null | head -1)"
  v create -f - >/dev/null <<<"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"try-$number\"}}"
  v apply -f "$SOURCE/examples/hello-service/" | expect "apply" '^deployment.apps/hello created$'
  v apply -f "$SOURCE/examples/hello-service/" | expect "apply again" '^deployment.apps/hello unchanged$'
  # get -w from before the pods are ready sees them get ready.
  timeout 20 "$kubectl" --cache-dir="$WORK/cache-$number" -n "try-$number" get pods -w >"$WORK/watch" 2>&1 &
  watcher=$!
  v rollout status deploy/hello --timeout=60s | expect "rollout status" 'successfully rolled out'
  v wait --for=condition=Ready pod/client --timeout=30s >/dev/null
  v get pods,svc,endpoints -o wide >"$WORK/wide"
  expect "get wide" '^pod/hello-[a-z0-9]+-[a-z0-9]+ +1/1 +Running +0 +[0-9a-z]+ +10\.244\.[0-9.]+ +node-1 +<none> +<none>$' <"$WORK/wide"
  expect "get wide" '^service/hello +ClusterIP +10\.[0-9.]+ +<none> +80/TCP +[0-9a-z]+ +app=hello$' <"$WORK/wide"
  expect "get wide" '^endpoints/hello +10\.244\.[0-9.]+:80,10\.244\.[0-9.]+:80 ' <"$WORK/wide"
  v get deploy hello | expect "get deploy" '^hello +2/2 +2 +2 '
  v get pods --no-headers -l app=hello -o custom-columns=N:.metadata.name | grep -c . | expect "selector" '^2$'
  v get pod client -o yaml | expect "get -o yaml" '^  name: client$'
  v get pods -o name | expect "get -o name" '^pod/client$'
  v get pods -A --field-selector metadata.name=client | expect "field selector" "^try-$number +client +1/1"
  v describe pod client >"$WORK/describe"
  expect "describe pod" '^Node: +node-1/172\.30\.0\.2$' <"$WORK/describe"
  expect "describe pod" '^  Normal +Started +.*Started container shell$' <"$WORK/describe"
  v describe svc hello | expect "describe service" '^Endpoints: +10\.244\.[0-9.]+:80,10\.244\.[0-9.]+:80$'
  v describe deploy hello | expect "describe deployment" '^Replicas: +2 desired \| 2 updated \| 2 total \| 2 available'
  if (($("$kubectl" version --client -o json | jq -r '.clientVersion.minor') >= 30)); then  # Older ones speak SPDY only.
    v exec client -- sh -c 'curl -s -m 3 http://hello' | expect "exec" '^Hello from'
  fi
  v logs client >/dev/null
  v label pod client tier=test >/dev/null
  v get pods -l tier=test -o name | expect "label" '^pod/client$'
  v scale deploy/hello --replicas=3 | expect "scale" '^deployment.apps/hello scaled$'
  v rollout status deploy/hello --timeout=60s >/dev/null
  v get endpoints hello -o json | jq '[.subsets[].addresses[]] | length' | expect "endpoints after scale" '^3$'
  v delete pod client --grace-period=1 | expect "delete" '^pod "client" deleted'
  v delete -f "$SOURCE/examples/hello-service/" --ignore-not-found | expect "delete -f" '^service "hello" deleted'
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  expect "get -w" '^hello-[a-z0-9]+-[a-z0-9]+ +1/1 +Running' <"$WORK/watch"
  v get pod nobody 2>&1 | expect "not found" '^Error from server \(NotFound\): pods "nobody" not found$'
  "$kubectl" --cache-dir="$WORK/cache-$number" delete ns "try-$number" --timeout=60s | expect "delete namespace" "^namespace \"try-$number\" deleted\$"
done
down
