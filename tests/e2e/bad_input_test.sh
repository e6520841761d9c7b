# Bad input: a clear error that names the field, and nothing stored; a bad start leaves nothing behind.
source "$(dirname "$0")/lib.sh"

up
before=$(k get all,cm,secrets,ep,endpointslices -A -o name | sort)
# bad NAME PATTERN <manifest: apply and create fail, the message matches.
bad() {
  { echo "# YAML, whatever the first character"; cat; } >"$WORK/bad.yaml"
  local code=0
  k apply -f "$WORK/bad.yaml" >"$WORK/output" 2>&1 || code=$?
  [[ $code != 0 ]] || fail "$1 was accepted: $(cat "$WORK/output")"
  expect "$1" "$2" <"$WORK/output"
}
svc() { echo "# A Service"; echo "{apiVersion: v1, kind: Service, metadata: {name: ${3:-bad}}, spec: {${2:+$2, }ports: [$1]}}"; }

bad "unknown kind" 'no matches for kind "Serviz"' <<<'{apiVersion: v1, kind: Serviz, metadata: {name: x}}'
bad "malformed YAML" 'line [23]' <<<$'apiVersion: v1\nkind: [Service\nmetadata: {name: x}'
bad "unknown field" 'unknown field "spec.bogus"' < <(svc '{port: 80}' 'bogus: 1')
bad "wrong type" 'cannot unmarshal string into Go struct field .*spec.ports.port' < <(svc '{port: "eighty"}')
bad "port 0" 'spec.ports\[0\].port: (Invalid value: 0: must be between 1 and 65535|Required value)' < <(svc '{port: 0}')
bad "port 70000" 'spec.ports\[0\].port: Invalid value: 70000: must be between 1 and 65535, inclusive' < <(svc '{port: 70000}')
bad "no DNS label" 'metadata.name: Invalid value: "Not_A_Label": a DNS-1035 label must consist of' < <(svc '{port: 80}' '' Not_A_Label)
bad "outside the range" 'spec.clusterIPs: Invalid value: .*10\.1\.2\.3.*not in the valid range. The range of valid IPs is 10\.96\.0\.0/12' < <(svc '{port: 80}' 'clusterIP: 10.1.2.3')
bad "taken" 'spec.clusterIPs: Invalid value: .*10\.96\.0\.1.*provided IP is already allocated' < <(svc '{port: 80}' 'clusterIP: 10.96.0.1')
bad "no ports" 'spec.ports: Required value' <<<'{apiVersion: v1, kind: Service, metadata: {name: bad}, spec: {selector: {a: b}}}'
bad "ports without names" 'spec.ports\[[01]\].name: Required value' < <(svc '{port: 80}, {port: 81}')
bad "protocol" 'spec.ports\[0\].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"' < <(svc '{port: 80, protocol: ICMP}')
bad "node port on ClusterIP" "may not be used when .type. is 'ClusterIP'" < <(svc '{port: 80, nodePort: 30080}')
bad "node port outside" 'spec.ports\[0\].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767' < <(svc '{port: 80, nodePort: 80}' 'type: NodePort')
bad "no containers" 'spec.containers: Required value' <<<'{apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {containers: []}}'
bad "container name" 'spec.containers\[0\].name: Invalid value: "A B"' <<<'{apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {containers: [{name: "A B", image: host}]}}'
bad "selector" '.selector. does not match template .labels.' <<<'{apiVersion: apps/v1, kind: Deployment, metadata: {name: bad}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: c, image: host}]}}}}'
bad "namespace" 'namespaces "nowhere" not found' <<<'{apiVersion: v1, kind: ConfigMap, metadata: {name: bad, namespace: nowhere}}'

# Duplicate names conflict on create.
k create -f - <<<"$(svc '{port: 80}' '' twice)" >/dev/null
k create -f - <<<"$(svc '{port: 80}' '' twice)" 2>&1 | expect "duplicate" 'services "twice" already exists'
# A selector that matches nothing is fine: no endpoints, refused at once.
k patch svc twice -p '{"spec":{"selector":{"app":"nobody"}}}' >/dev/null
k describe svc twice | expect "describe" '^Endpoints: *(<none>)?$'
exits 7 curl -s -m 3 "http://$(cluster_ip twice)/"
# An address once set may not change; a name is taken until it is gone.
k patch svc twice -p '{"spec":{"clusterIP":"10.96.7.7"}}' 2>&1 | expect "immutable" 'may not change once set'
k delete svc twice >/dev/null
eventually 10 bash -c '! kubectl get endpoints twice'
after=$(k get all,cm,secrets,ep,endpointslices -A -o name | sort)
[[ $before == "$after" ]] || fail "something was stored: $(diff <(echo "$before") <(echo "$after"))"

# Nothing without a certificate but health and version.
[[ $(curl -sk -o /dev/null -w '%{http_code}' https://127.0.0.1:6443/api/v1/pods) == 401 ]] || fail "pods without credentials"
[[ $(curl -sk https://127.0.0.1:6443/livez) == ok ]] || fail "livez"

# Starting twice says so; a second cluster on the same ranges names the route and the flag.
minik up | expect "second up" '^Cluster default is running already\.$'
exits 1 minik up --name other --api-port 0
expect "overlap" 'route.*(10\.244\.0\.0/16|10\.96\.0\.0/12|172\.30\.0\.[0-9/]+).*--(pod|service|node)-cidr' <"$WORK/output"
down

# What a cluster cannot be without stays; the error of a failed create names its object.
up
k delete ns default 2>&1 | expect "default namespace" 'namespaces "default" is forbidden: this namespace may not be deleted'
k create -f - <<<"$(svc '{port: 0}' '' named)" 2>&1 | expect "name of a failed create" 'The Service "named" is invalid'
down --keep-state
# Kept state belongs to the ranges it was made with.
exits 1 minik up --service-cidr 10.200.0.0/16
expect "other ranges" 'was made with --service-cidr 10\.96\.0\.0/12' <"$WORK/output"
up
down

# Usage and rights.
exits 2 minik up --pod-cidr nonsense
expect "bad flag" -- '--pod-cidr' <"$WORK/output"
exits 2 minik up --pod-cidr 10.0.0.0/8 --service-cidr 10.96.0.0/12
expect "overlapping ranges" 'overlaps' <"$WORK/output"
exits 1 setpriv --reuid=65534 --clear-groups "$BUILD/minik" up
expect "rights" 'needs root' <"$WORK/output"
exits 1 setpriv --bounding-set=-net_admin minik up
expect "capabilities" 'needs the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN' <"$WORK/output"
# The port is taken: one line, nothing left (the runner checks).
python3 -m http.server --bind 127.0.0.1 6443 >/dev/null 2>&1 &
server=$!
eventually 5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/6443'
exits 1 minik up
expect "port taken" 'cannot listen on 127.0.0.1:6443' <"$WORK/output"
[[ $(wc -l <"$WORK/output") == 1 ]] || fail "more than one line: $(cat "$WORK/output")"
kill "$server"
wait "$server" 2>/dev/null || true
# A full disk at the start: one line, nothing left.
mkdir "$WORK/small"
mount -t tmpfs -o size=16k,mode=700 tmpfs "$WORK/small"
exits 1 minik up --state-dir "$WORK/small/state"
expect "full disk" '(full|No space left)' <"$WORK/output"
umount "$WORK/small"
# A full disk later: writes fail with a clear text, reads go on, nothing half-stored.
mkdir "$WORK/later"
mount -t tmpfs -o size=40m,mode=711 tmpfs "$WORK/later"
up --state-dir "$WORK/later/state"
dd if=/dev/zero of="$WORK/later/fill" bs=64k >/dev/null 2>&1 || true
head -c 900000 /dev/zero | tr '\0' x >"$WORK/big"
k create configmap filler --from-file=a="$WORK/big" >"$WORK/output" 2>&1 && fail "a write on a full disk was acknowledged"
expect "full disk" '(full|No space left|disk I/O)' <"$WORK/output"
k get ns default -o name | expect "reads go on" '^namespace/default$'
exits 1 k get configmap filler
rm "$WORK/later/fill"
k create configmap filler --from-literal=a=b >/dev/null
down
umount "$WORK/later"
