# The main job: a Deployment and a Service, answers by ClusterIP and by name, from a pod and from the host, over
# both replicas; a pod is replaced while a client loses no request.
source "$(dirname "$0")/lib.sh"

up
k apply -f "$SOURCE/examples/hello-service/" >"$WORK/applied"
expect "apply" '^deployment.apps/hello created$' <"$WORK/applied"
expect "apply" '^service/hello created$' <"$WORK/applied"
available hello
ready pod/client
ip=$(cluster_ip hello)

# Both replicas answer: from the host by ClusterIP, from a pod by name.
for _ in $(seq 40); do curl -sf -m 3 "http://$ip/"; done | sort -u >"$WORK/host"
[[ $(wc -l <"$WORK/host") == 2 ]] || fail "not both replicas answered the host: $(cat "$WORK/host")"
k exec client -- sh -c 'for i in $(seq 40); do curl -sf -m 3 http://hello; done' | sort -u >"$WORK/pod"
diff "$WORK/host" "$WORK/pod" || fail "pod and host see different replicas"
for name in hello hello.default hello.default.svc hello.default.svc.cluster.local; do
  k exec client -- curl -sf -m 3 "http://$name/" | expect "by name $name" '^Hello from hello-'
done
# The host asks the cluster's DNS too, over UDP and TCP.
dig +short hello.default.svc.cluster.local @10.96.0.10 | expect "dig" "^$ip\$"
dig +tcp +short hello.default.svc.cluster.local @10.96.0.10 | expect "dig over TCP" "^$ip\$"
# The client's address is preserved: the endpoint sees the pod, not the node.
client=$(k get pod client -o 'jsonpath={.status.podIP}')

k exec client -- curl -sf -m 3 http://hello/clientip | expect "the endpoint sees the client's own address" "^$client:"
curl -sf -m 3 "http://$ip/clientip" | expect "the host comes from the node" '^10\.244\.0\.1:' 

# The API server answers pods under the name that in-cluster clients use.
k exec client -- curl -sk -m 3 https://kubernetes.default/livez | expect "the API from a pod" '^ok$'

# Two containers of one pod share its network namespace; env, hostname and hosts file are the pod's.
k exec client -- cat /etc/hosts | expect "hosts file" "^$client"$'\t'"client\$"
k exec client -- sh -c 'echo $HELLO_SERVICE_HOST:$HELLO_SERVICE_PORT $(hostname)' | expect "service variables" "^$ip:80 client\$"

# A ConfigMap that comes late: the container waits for it and starts without a new pod.
k apply -f - >/dev/null <<'M'
{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late"}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [
  {"name": "a", "image": "host", "command": ["sh", "-c", "echo $WORD > /dev/shm/word; sleep infinity"], "env": [{"name": "WORD", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "word"}}}]},
  {"name": "b", "image": "host", "command": ["python3", "-m", "http.server", "8080", "--directory", "/dev/shm"]}]}}
M
eventually 10 bash -c 'kubectl get pod late | grep -q CreateContainerConfigError'
k create configmap late --from-literal=word=better >/dev/null
ready pod/late
# Its two containers share the network namespace and /dev/shm.
k exec late -c a -- curl -sf -m 3 http://127.0.0.1:8080/word | expect "two containers, one network" '^better$'
k delete pod late >/dev/null

# A port that the Service does not have is refused at once, an address nobody has is silent.
exits 7 curl -s -m 3 "http://$ip:81/"
exits 28 curl -s -m 1 "http://10.96.200.200/"

# The endpoint of a deleted pod is replaced; the client loop loses nothing.
python3 "$SOURCE/tests/support/ask.py" "http://$ip/" "$WORK/stop" "$WORK/report" &
sleep 0.5
victim=$(k get pods -l app=hello -o 'jsonpath={.items[0].metadata.name}')
k delete pod "$victim" --wait=true >/dev/null
available hello
sleep 0.5
touch "$WORK/stop"
wait
[[ $(jq .failed "$WORK/report") == 0 ]] || fail "lost requests: $(cat "$WORK/report")"
(($(jq .requests "$WORK/report") > 50)) || fail "the loop hardly ran: $(cat "$WORK/report")"
k get endpoints hello -o json | jq -r '.subsets[].addresses[].targetRef.name' | refuse "endpoints" "^$victim\$"
[[ $(k get endpoints hello -o json | jq '[.subsets[].addresses[]] | length') == 2 ]] || fail "not two endpoints"

# Scale down and up; without endpoints the port is refused.
k scale deploy/hello --replicas=0 >/dev/null
eventually 20 bash -c "! kubectl get pods -l app=hello -o name | grep -q ."
exits 7 curl -s -m 3 "http://$ip/"
k scale deploy/hello --replicas=3 >/dev/null
available hello
[[ $(k get endpoints hello -o json | jq '[.subsets[].addresses[]] | length') == 3 ]] || fail "not three endpoints"

# Deleting the Deployment takes its ReplicaSet and pods with it.
k delete -f "$SOURCE/examples/hello-service/" >/dev/null
eventually 20 bash -c '[[ -z $(kubectl get pods,replicasets,endpoints,endpointslices -o name | grep -v kubernetes) ]]'
down
minik down | expect "a second down is fine" '^There is no cluster default\.$'
