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
[[ $(k get cm big -o json | jq '.data.a | length') == 300000 ]] || fail "kubectl cannot read a compressed answer"

# Pages, rules of resourceVersion, oddities of paths.
for i in 1 2 3; do k create configmap "page-$i" --from-literal=a=b >/dev/null; done
[[ $(k get cm --chunk-size=1 -o name | grep -c page-) == 3 ]] || fail "pages"
api "$maps?resourceVersionMatch=Exact" | expect "match" 'is forbidden unless resourceVersion is provided'
for odd in //api//v1//configmaps /api/v1/./configmaps /api/v1/configmaps/ '/api/v1/%00' /api/v1/namespaces//pods '/apis//' '/%2e%2e/'; do
  code=$(api "$odd" --path-as-is -o /dev/null -w '%{http_code}')
  [[ $code != 5* && $code != 000 ]] || fail "$odd answers $code"
done

# A watch ends by itself with a bookmark; on a Table watch that is a Table.
api "$maps?watch=1&timeoutSeconds=1&allowWatchBookmarks=true" -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io' >"$WORK/watch"
tail -1 "$WORK/watch" | jq -e '.type == "BOOKMARK" and .object.kind == "Table"' >/dev/null || fail "no bookmark: $(tail -1 "$WORK/watch")"
api "/api/v1/watch/namespaces/default/configmaps/page-2?timeoutSeconds=1" | head -1 | jq -e '.object.metadata.name == "page-2"' >/dev/null || fail "legacy watch"

# Metrics and health.
api /metrics >"$WORK/metrics"
expect "requests" '^apiserver_request_total\{code="201",group="",resource="configmaps",.*verb="POST",version="v1"\} [0-9]+$' <"$WORK/metrics"
expect "watches" '^apiserver_longrunning_requests [0-9]+$' <"$WORK/metrics"
[[ $(curl -sk -o /dev/null -w '%{http_code}' https://127.0.0.1:6443/metrics) == 401 ]] || fail "metrics without credentials"
api '/readyz?verbose' | expect "health" '^\[\+\]ping ok$'
down
