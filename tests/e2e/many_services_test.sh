# 1,000 Services with 5 hand-made endpoints each load and answer; the number of rules is that of one Service.
source "$(dirname "$0")/lib.sh"

up
rules() { node nft -j list ruleset | jq '[.nftables[] | select(.rule)] | length'; }
# Five servers, as plain pods.
for i in 1 2 3 4 5; do
  echo "---"
  echo "{apiVersion: v1, kind: Pod, metadata: {name: server-$i, labels: {app: server}}, spec: {terminationGracePeriodSeconds: 1, containers: [{name: web, image: nginx, imagePullPolicy: IfNotPresent}]}}"
done | k apply -f - >/dev/null
ready pod -l app=server
mapfile -t ips < <(k get pods -l app=server -o 'jsonpath={range .items[*]}{.status.podIP}{"\n"}{end}')
objects() {
  python3 - "$1" "$2" "${ips[@]}" <<'P'
import json, sys
first, last, ips = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
items = []
for i in range(first, last + 1):
    name = f"many-{i}"
    items.append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"name": "http", "port": 80}]}})
    items.append({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                  "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
                  "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
                  "endpoints": [{"addresses": [ip]} for ip in ips]})
print(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
P
}
objects 1 1 | k create -f - >/dev/null
curl -sf -m 3 "http://$(cluster_ip many-1)/" | expect "one Service" '^Hello from server-'
one=$(rules)
objects 2 1000 >"$WORK/many.json"
start=$(date +%s.%N)
k create -f "$WORK/many.json" >/dev/null
echo "999 Services and slices through kubectl: $(echo "$(date +%s.%N) - $start" | bc 2>/dev/null || python3 -c "import time; print(round(time.time() - $start, 1))") s"
[[ $(rules) == "$one" ]] || fail "$one rules with one Service, $(rules) with 1,000"
k get svc -o 'jsonpath={range .items[*]}{.metadata.name} {.spec.clusterIP}{"\n"}{end}' | grep '^many-' >"$WORK/ips"
[[ $(wc -l <"$WORK/ips") == 1000 ]] || fail "not 1,000 Services"
while read -r name ip; do
  curl -sf -m 3 "http://$ip/" >/dev/null || fail "$name ($ip) does not answer"
done <"$WORK/ips"
# All five endpoints of one of them take part.
ip=$(cluster_ip many-777)
for _ in $(seq 60); do curl -sf -m 3 "http://$ip/"; done | sort -u | wc -l | expect "endpoints" '^5$'
dig +short many-777.default.svc.cluster.local @10.96.0.10 | expect "dns" "^$ip\$"
# A restart loads all of them at once.
kill -9 "$(daemon_pid)"
up
curl -sS -f -m 3 "http://$ip/" >"$WORK/output" 2>&1 || fail "after a restart: $(cat "$WORK/output"; k get pods -o wide; node ip route; node nft list map ip minik-svc services | grep "$ip"; node nft list map ip minik-svc endpoints | grep "$ip")"
[[ $(rules) == "$one" ]] || fail "rules after a restart: $(rules), not $one"
down
