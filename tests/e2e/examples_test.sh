# Every example does what its README says.
source "$(dirname "$0")/lib.sh"

up
k apply -f "$SOURCE/examples/two-tier/" >/dev/null
available backend
available frontend
ready pod/client
k exec client -- curl -sf -m 5 http://frontend | expect "two-tier" '^front end got: data from backend-'
# NodePort on the node's address, from the host and from a pod.
curl -sf -m 5 http://172.30.0.2:30080/ | expect "NodePort" '^front end got: data from backend-'
k exec client -- curl -sf -m 5 http://172.30.0.2:30080/ | expect "NodePort from a pod" '^front end got'
k delete -f "$SOURCE/examples/two-tier/" >/dev/null
exits 7 curl -s -m 2 http://172.30.0.2:30080/

k apply -f "$SOURCE/examples/headless/" >/dev/null
ready pod/peer-one pod/peer-two pod/client
one=$(k get pod peer-one -o 'jsonpath={.status.podIP}') two=$(k get pod peer-two -o 'jsonpath={.status.podIP}')
k exec client -- getent ahostsv4 peers | awk '{print $1}' | sort -u | diff - <(printf '%s\n' "$one" "$two" | sort) || fail "headless addresses"
k exec client -- getent hosts one.peers | expect "a pod's own name" "^$one +one\.peers\.default\.svc\.cluster\.local"
k exec client -- curl -sf -m 5 http://two.peers | expect "by its name" "Hello from two"
k exec peer-one -- cat /etc/hosts | expect "hosts file" "^$one"$'\t''one\.peers\.default\.svc\.cluster\.local'$'\t''one$'
k delete -f "$SOURCE/examples/headless/" >/dev/null
dig +short peers.default.svc.cluster.local @10.96.0.10 | refuse "after deletion" .
dig nowhere.default.svc.cluster.local @10.96.0.10 | expect "NXDOMAIN" 'status: NXDOMAIN'
dig AAAA kubernetes.default.svc.cluster.local @10.96.0.10 >"$WORK/nodata"
expect "NODATA" 'status: NOERROR' <"$WORK/nodata"
expect "NODATA" 'ANSWER: 0, AUTHORITY: 1' <"$WORK/nodata"
down
