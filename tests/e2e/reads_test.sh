# Reads as they go over the wire: forms, compression, pages, watches, metrics.
source "$(dirname "$0")/lib.sh"

up
for part in certificate-authority client-certificate client-key; do
  sed -n "s/.*$part-data: *//p" "$KUBECONFIG" | tr -d '"' | base64 -d >"$WORK/$part"
done
api() { # PATH CURL-ARGUMENTS…
  local path=$1
  shift
  curl -s -m 20 --cacert "$WORK/certificate-authority" --cert "$WORK/client-certificate" --key "$WORK/client-key" "$@" "https://127.0.0.1:6443$path"
}
maps=/api/v1/namespaces/default/configmaps

# People get indented JSON, programs do not; YAML and nothing else by Accept.
(($(api "$maps" | wc -l) > 3)) || fail "curl's answer is not indented"
[[ $(api "$maps" -A program | wc -l) == 0 ]] || fail "a program's answer is indented"
api "$maps" -H 'Accept: application/yaml' | expect "YAML" '^kind: ConfigMapList$'
[[ $(api "$maps" -H 'Accept: text/html' -o /dev/null -w '%{http_code}') == 406 ]] || fail "no 406"
[[ $(api "$maps" -X OPTIONS -o /dev/null -w '%{http_code}') == 405 ]] || fail "no 405"

# Big answers are compressed for those who ask.
head -c 300000 /dev/zero | tr '\0' x >"$WORK/big"
k create configmap big --from-file=a="$WORK/big" >/dev/null
api "$maps/big" -H 'Accept-Encoding: gzip' -D "$WORK/head" -o "$WORK/packed"
expect "gzip" '^Content-Encoding: gzip' <"$WORK/head"
gzip -dc <"$WORK/packed" | jq -e '.data.a | length == 300000' >/dev/null || fail "the compressed answer is not the object"
api "$maps/big" -D "$WORK/head" -o /dev/null
refuse "unasked gzip" '^Content-Encoding' <"$WORK/head"

# Pages, rules of resourceVersion, oddities of paths.
for i in 1 2 3; do k create configmap "page-$i" --from-literal=a=b >/dev/null; done
api "$maps?resourceVersionMatch=Exact" | expect "match" 'is forbidden unless resourceVersion is provided'
for odd in //api//v1//configmaps /api/v1/./configmaps /api/v1/configmaps/ '/api/v1/%00' /api/v1/namespaces//pods '/apis//' '/%2e%2e/'; do
  code=$(api "$odd" --path-as-is -o /dev/null -w '%{http_code}')
  [[ $code != 5* && $code != 000 ]] || fail "$odd answers $code"
done

# Every kubectl reads the same: pages, compressed answers, forms, a watch from its first event to the last.
kubectls=(kubectl)
unpack=$SOURCE/../shared/kubectl/unpack
[[ -x $unpack ]] || unpack=/work/shared/kubectl/unpack
if [[ -x $unpack ]]; then
  mapfile -t more < <("$unpack" "$WORK/kubectls")
  kubectls+=("${more[@]}")
else
  echo "SKIPPED: kubectl 1.27, 1.30 and 1.33 are not beside this checkout ($unpack)"
fi
watched() { api /metrics | grep -q '^apiserver_registered_watchers{.*kind="ConfigMap".*} [1-9]'; }
told_all() { [[ $(grep -c ^DELETED "$WORK/seen") == 2 ]]; }
for kubectl in "${kubectls[@]}"; do
  name=${kubectl##*/}
  with() { "$kubectl" --cache-dir="$WORK/cache-$name" "$@"; }
  [[ $(with get cm --chunk-size=1 -o name | grep -c page-) == 3 ]] || fail "$name: pages"
  [[ $(with get cm big -o json | jq '.data.a | length') == 300000 ]] || fail "$name: a compressed answer"
  with get cm page-1 page-2 | expect "$name: a table" '^page-1 +1 +[0-9]+[smh]'
  with get cm --field-selector metadata.name=page-3 --no-headers -o name | expect "$name: a field selector" '^configmap/page-3$'
  with get cm -A --sort-by=.metadata.creationTimestamp -o wide | expect "$name: sorted, of all namespaces" '^default +page-2 '
  with get cm page-1 -o yaml | expect "$name: YAML" '^  a: b$'
  with get cm -o 'jsonpath={.items[*].metadata.name}' | expect "$name: JSON path" 'page-1 page-2 page-3'
  with get --raw "$maps?limit=1" | jq -e '.metadata.remainingItemCount >= 3' >/dev/null || fail "$name: a page's rest"
  timeout 20 "$kubectl" --cache-dir="$WORK/cache-$name" get cm -w --output-watch-events -l seen >"$WORK/seen" &
  watcher=$!
  eventually 10 watched
  with create configmap seen --from-literal=a=b >/dev/null
  with label configmap seen seen=yes >/dev/null
  with patch configmap seen -p '{"data":{"b":"c"}}' >/dev/null
  with label configmap seen seen- >/dev/null
  with label configmap seen seen=again >/dev/null
  with delete configmap seen >/dev/null
  eventually 10 told_all
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null || true
  got=$(awk '$1 != "EVENT" {print $1, $2, $3}' "$WORK/seen" | tr '\n' ';')
  [[ $got == "ADDED seen 1;MODIFIED seen 2;DELETED seen 2;ADDED seen 2;DELETED seen 2;" ]] || fail "$name: watched $got"
done

# A watch ends by itself with a bookmark; on a Table watch that is a Table.
api "$maps?watch=1&timeoutSeconds=1&allowWatchBookmarks=true" -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io' >"$WORK/watch"
tail -1 "$WORK/watch" | jq -e '.type == "BOOKMARK" and .object.kind == "Table"' >/dev/null || fail "no bookmark: $(tail -1 "$WORK/watch")"
api "/api/v1/watch/namespaces/default/configmaps/page-2?timeoutSeconds=1" | head -1 | jq -e '.object.metadata.name == "page-2"' >/dev/null || fail "legacy watch"

# Metrics and health.
api /metrics >"$WORK/metrics"
expect "requests" '^apiserver_request_total\{code="201",group="",resource="configmaps",.*verb="POST",version="v1"\} [0-9]+$' <"$WORK/metrics"
expect "paths outside of resources" '^apiserver_request_total\{code="200",group="",resource="",scope="",subresource="/metrics",verb="GET",version=""\} [0-9]+$' <"$WORK/metrics"
expect "commits" '^apiserver_storage_commit_duration_seconds_count [1-9][0-9]*$' <"$WORK/metrics"
expect "watchers" '^apiserver_registered_watchers\{group="",kind="ConfigMap",version="v1"\} [0-9]+$' <"$WORK/metrics"
expect "watches" '^apiserver_longrunning_requests [0-9]+$' <"$WORK/metrics"
[[ $(curl -sk -o /dev/null -w '%{http_code}' https://127.0.0.1:6443/metrics) == 401 ]] || fail "metrics without credentials"
api /metrics | expect "the refusal is counted" '^apiserver_request_total\{code="401",.*subresource="/metrics",verb="GET",version=""\} 1$'
api '/readyz?verbose' | expect "health" '^\[\+\]ping ok$'
down
