# Who may what: tokens in pods and kubeconfigs, RBAC, impersonation, reviews, volumes that follow their sources.
source "$(dirname "$0")/lib.sh"

kubectls=("$(command -v kubectl)")
unpack=$SOURCE/../shared/kubectl/unpack
[[ -x $unpack ]] || unpack=/work/shared/kubectl/unpack
if [[ -x $unpack ]]; then
  mapfile -t more < <("$unpack" "$WORK/kubectls" | grep -E '1\.(27|33)')
  kubectls+=("${more[@]}")
else
  echo "SKIPPED: kubectl 1.27 and 1.33 are not beside this checkout"
fi
[[ -n ${kubectls[0]} ]] || { echo "SKIPPED: there is no kubectl on this machine"; kubectls=("${kubectls[@]:1}"); }
((${#kubectls[@]})) || exit 77

up
SA=/var/run/secrets/kubernetes.io/serviceaccount
URL=https://kubernetes.default/api/v1/namespaces/default/pods

# A program in a pod is its service account, and may what RBAC says.
k run client --image=curlimages/curl --command -- sleep 1000 >/dev/null
ready pod/client
in_pod() { k exec client -- sh -c "$1"; }
status_of() { in_pod "curl -s -o /dev/null -w '%{http_code}' --cacert $SA/ca.crt -H \"Authorization: Bearer \$(cat $SA/token)\" $1"; }
code_is() { [[ $(status_of "$2") == "$1" ]]; }
in_pod "cat $SA/namespace" | expect "namespace file" '^default$'
in_pod "touch $SA/x 2>&1 || true" | expect "read-only" 'Read-only file system'
code_is 403 "$URL" || fail "a fresh account may list pods: $(status_of "$URL")"
k create rolebinding reader --clusterrole=view --serviceaccount=default:default >/dev/null
code_is 200 "$URL" || fail "the account bound to view may not list pods: $(status_of "$URL")"
code_is 403 https://kubernetes.default/api/v1/nodes || fail "view in a namespace reaches nodes"
code_is 200 https://kubernetes.default/openid/v1/jwks || fail "the key set is closed to accounts"
in_pod "curl -s -o /dev/null -w '%{http_code}' --cacert $SA/ca.crt $URL" | expect "without a token" '^401$'

# A pod's token ends with the pod, and its files with it.
token=$(in_pod "cat $SA/token")
uid=$(k get pod client -o 'jsonpath={.metadata.uid}')
server=https://127.0.0.1:6443
ask() { curl -sk -o "$WORK/answer" -w '%{http_code}' -H "Authorization: Bearer $1" "$server/api/v1/namespaces/default/pods"; }
[[ $(ask "$token") == 200 ]] || fail "the pod's token is not good outside: $(cat "$WORK/answer")"

# The daemon dies and comes back: the pod keeps its token, which is still good.
kill -9 "$(daemon_pid)"
up
eventually 20 code_is 200 "$URL"
[[ $(in_pod "cat $SA/token") == "$token" ]] || fail "the token changed over a restart"
k delete pod client --grace-period=0 --force >/dev/null 2>&1
k wait --for=delete pod/client --timeout=20s >/dev/null
[[ $(ask "$token") == 401 ]] || fail "a deleted pod's token is still good: $(cat "$WORK/answer")"
grep -q '"reason": *"Unauthorized"' "$WORK/answer" || fail "no Status: $(cat "$WORK/answer")"
gone() { [[ ! -e /run/minik/default/pods/$uid ]]; }
eventually 20 gone

# A token that has expired, signed by the cluster's own key: only the dates are wrong.
expired=$(python3 - "$token" /var/lib/minik/default/pki/sa.key <<'PY'
import base64, json, subprocess, sys
pad = lambda s: s + "=" * (-len(s) % 4)
b64 = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=").decode()
head, claims, _ = sys.argv[1].split(".")
claims = json.loads(base64.urlsafe_b64decode(pad(claims)))
del claims["kubernetes.io"]["pod"]
claims.update(iat=1000, nbf=1000, exp=4600)
text = head + "." + b64(json.dumps(claims).encode())
der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", sys.argv[2]], input=text.encode(), capture_output=True, check=True).stdout
def number(at):
    size = der[at + 1]
    return der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0"), at + 2 + size
r, at = number(2)
s, _ = number(at)
print(text + "." + b64(r + s))
PY
)
[[ $(ask "$expired") == 401 ]] || fail "an expired token is good: $(cat "$WORK/answer")"
[[ $(stat -c %a /var/lib/minik/default/pki/sa.key) == 600 ]] || fail "the signing key is not private"

# kube-root-ca.crt comes back, whatever is done to it.
k delete configmap kube-root-ca.crt >/dev/null
eventually 5 k get configmap kube-root-ca.crt
k patch configmap kube-root-ca.crt --type merge -p '{"data":{"ca.crt":"x"}}' >/dev/null
right_again() { k get configmap kube-root-ca.crt -o 'jsonpath={.data.ca\.crt}' | grep -q 'BEGIN CERTIFICATE'; }
eventually 5 right_again

# ConfigMap volumes follow their ConfigMap; a pod without its ConfigMap waits for it.
k apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  containers: [{name: c, image: busybox, command: [sleep, "1000"], volumeMounts: [{name: v, mountPath: /etc/v}]}]
  volumes: [{name: v, configMap: {name: late}}]
YAML
mount_failed() { k get events | grep -q 'FailedMount.*configmap "late" not found'; }
eventually 10 mount_failed
k create configmap late --from-literal=word=one >/dev/null
ready pod/reader
k exec reader -- cat /etc/v/word | expect "the ConfigMap's entry" '^one$'
k patch configmap late --type merge -p '{"data":{"word":"two"}}' >/dev/null
follows() { [[ $(k exec reader -- cat /etc/v/word) == two ]]; }
eventually 5 follows

# A Secret of the old kind gets its token.
k apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata: {name: old, annotations: {kubernetes.io/service-account.name: default}}
YAML
filled() { [[ -n $(k get secret old -o 'jsonpath={.data.token}') ]]; }
eventually 5 filled
old=$(k get secret old -o 'jsonpath={.data.token}' | base64 -d)
[[ $(ask "$old") == 200 ]] || fail "the old token is not good: $(cat "$WORK/answer")"
k delete secret old >/dev/null
[[ $(ask "$old") == 401 ]] || fail "the old token outlives its Secret"

exits 1 k apply -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: nobody}
spec: {serviceAccountName: absent, containers: [{name: c, image: busybox}]}
YAML
expect "unknown account" 'pods "nobody" is forbidden: error looking up service account default/absent: serviceaccount "absent" not found' <"$WORK/output"

number=0
for kubectl in "${kubectls[@]}"; do
  number=$((number + 1))
  ns=auth-$number
  v() { "$kubectl" --cache-dir="$WORK/cache-$number" -n "$ns" "$@"; }
  echo "with $("$kubectl" version --client 2>/dev/null | head -1)"
  v create namespace "$ns" >/dev/null
  v create serviceaccount robot >/dev/null
  v create role pods --verb=get,list --resource=pods >/dev/null
  v create rolebinding robot --role=pods --serviceaccount="$ns:robot" >/dev/null
  v create clusterrole nodes-$number --verb=get,list --resource=nodes >/dev/null
  v create clusterrolebinding nodes-$number --clusterrole=nodes-$number --user=jane-$number >/dev/null
  token=$(v create token robot --duration=15m)
  # A kubeconfig with a token user.
  robot() { "$kubectl" --cache-dir="$WORK/robot-$number" --kubeconfig="$WORK/robot-$number.yaml" "$@"; }
  cat >"$WORK/robot-$number.yaml" <<YAML
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u, namespace: $ns}}]
clusters: [{name: c, cluster: {server: "$server", certificate-authority: /var/lib/minik/default/pki/ca.crt}}]
users: [{name: u, user: {token: "$token"}}]
YAML
  robot get pods 2>&1 | expect "token user" '^No resources found'
  exits 1 robot get secrets
  expect "token user" 'secrets is forbidden: User "system:serviceaccount:'"$ns"':robot" cannot list resource "secrets" in API group "" in the namespace "'"$ns"'"' <"$WORK/output"
  robot auth whoami | expect "whoami" "system:serviceaccount:$ns:robot"
  robot auth can-i list pods | expect "can-i" '^yes$'
  exits 1 robot auth can-i delete pods
  robot auth can-i --list | expect "can-i --list" '^pods +\[\] +\[\] +\[(get list|list get)\]'
  v auth can-i '*' '*' | expect "can-i as admin" '^yes$'
  # Impersonation.
  v get nodes --as "jane-$number" | expect "as jane" '^node-1 '
  exits 1 v get pods --as "jane-$number"
  exits 1 robot get pods --as "jane-$number"
  expect "robot as jane" "users \"jane-$number\" is forbidden: User \"system:serviceaccount:$ns:robot\" cannot impersonate resource \"users\"" <"$WORK/output"
  v auth whoami --as jane --as-group dev | expect "whoami as" '\[dev system:authenticated\]'
  # Nobody grants more than they hold.
  v create rolebinding editor --clusterrole=admin --user=eve >/dev/null
  exits 1 v create role big --verb=get --resource=nodes --as eve
  expect "escalation" 'attempting to grant RBAC permissions not currently held' <"$WORK/output"
  v create role small --verb=get --resource=pods --as eve >/dev/null
  exits 1 v create token robot --duration=1m
  expect "short token" 'may not specify a duration less than 10 minutes' <"$WORK/output"
  v run bound --image=busybox --command -- sleep 1000 >/dev/null
  bound=$(v create token default --bound-object-kind Pod --bound-object-name bound)
  v create rolebinding default --clusterrole=view --serviceaccount="$ns:default" >/dev/null
  review() { v create -o "jsonpath={.status.authenticated}" -f - <<<"{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\",\"metadata\":{\"name\":\"r\"},\"spec\":{\"token\":\"$1\"}}"; }
  [[ $(review "$bound") == true ]] || fail "TokenReview refuses a good token"
  v delete pod bound --grace-period=0 --force >/dev/null 2>&1
  v wait --for=delete pod/bound --timeout=20s >/dev/null
  [[ -z $(review "$bound") ]] || fail "TokenReview takes a token whose pod is gone"
  v create role pods --verb=get,list,watch --resource=pods --dry-run=client -o yaml >"$WORK/role.yaml"
  v delete role pods >/dev/null
  v auth reconcile -f "$WORK/role.yaml" | expect "auth reconcile" 'role.rbac.authorization.k8s.io/pods reconciled'
  v create role pods --verb=get --resource=pods --dry-run=client -o yaml >"$WORK/role.yaml"
  v auth reconcile -f "$WORK/role.yaml" | expect "auth reconcile" 'role.rbac.authorization.k8s.io/pods reconciled'
  v get role pods -o 'jsonpath={.rules[*].verbs}' | expect "auth reconcile keeps what is more" 'watch'
done
down
