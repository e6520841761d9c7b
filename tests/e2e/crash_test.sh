# kill -9 of the daemon: clients go on, pods keep processes, addresses and restart counts, objects are all there;
# `down` cleans up whatever happened before.
source "$(dirname "$0")/lib.sh"

up
k apply -f "$SOURCE/examples/hello-service/" >/dev/null
available hello
ready pod/client
ip=$(cluster_ip hello)
picture() {
  k get pods -o json | jq -r '.items[] | [.metadata.name, .metadata.uid, .status.podIP, (.status.containerStatuses[0] | .restartCount, .containerID)] | @tsv' | sort
}
processes() { pgrep -f 'minik-shim|/.minik/httpd|sleep infinity' | sort; }
objects() { k get all,cm,sa,ep,endpointslices -A -o name | sort; }
picture >"$WORK/pods"; processes >"$WORK/processes"; objects >"$WORK/objects"
(($(wc -l <"$WORK/processes") >= 6)) || fail "cannot see the pods' processes: $(cat "$WORK/processes")"

# A client in a pod and one on the host ask all the time.
python3 "$SOURCE/tests/support/ask.py" "http://$ip/" "$WORK/stop" "$WORK/host-report" &
netns=$(k get pod client -o 'jsonpath={.metadata.namespace}-{.metadata.name}')
nsenter --net="/run/netns/minik-default-$netns" python3 "$SOURCE/tests/support/ask.py" "http://$ip/" "$WORK/stop" "$WORK/pod-report" &
for round in 1 2 3; do
  sleep 0.5
  kill -9 "$(daemon_pid)"
  sleep 0.7
  up
done
sleep 0.5
touch "$WORK/stop"
wait
for report in host-report pod-report; do
  [[ $(jq .failed "$WORK/$report") == 0 ]] || fail "lost requests ($report): $(cat "$WORK/$report")"
  (($(jq .requests "$WORK/$report") > 100)) || fail "the loop hardly ran: $(cat "$WORK/$report")"
  [[ $(jq '.answers | length' "$WORK/$report") == 2 ]] || fail "not both replicas answered: $(cat "$WORK/$report")"
done
picture | diff "$WORK/pods" - || fail "pods changed"
processes | diff "$WORK/processes" - || fail "processes changed"
objects | diff "$WORK/objects" - || fail "objects changed"
k exec client -- curl -sf -m 3 http://hello >/dev/null
k logs client >/dev/null

# What was acknowledged is there; a pod deleted while the daemon is dead is gone after the next start.
for i in $(seq 20); do k create configmap "cm-$i" --from-literal="n=$i" >/dev/null; done
kill -9 "$(daemon_pid)"
up
[[ $(k get cm -o name | grep -c '/cm-') == 20 ]] || fail "acknowledged objects are missing"
k scale deploy/hello --replicas=1 >/dev/null
eventually 20 bash -c '[[ $(kubectl get pods -l app=hello -o name | wc -l) == 1 ]]'

# Somebody flushes our tables: repaired within a second, and the log says who.
node nft flush ruleset
eventually 2 curl -sf -m 1 "http://$ip/"
grep -q 'changed our part of the kernel' /var/lib/minik/default/minik.log || fail "nobody said who flushed the tables"

# down after kill -9, after links were deleted and tables flushed by hand.
kill -9 "$(daemon_pid)"
node nft flush ruleset
node ip link del cbr0
ip link del "$(ip -br link | awk '/^mk/ {sub(/@.*/, "", $1); print $1; exit}')"
down
[[ -z $(pgrep -f 'minik-shim|/.minik/httpd') ]] || fail "processes are left: $(pgrep -af minik)"

# The same with a living daemon.
up
k apply -f "$SOURCE/examples/hello-service/" >/dev/null
available hello
node ip link del cbr0
down
