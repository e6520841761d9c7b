# readme_commands: every command of the README's tour runs, in order, and says what the README says.
source "$(dirname "$0")/lib.sh"

cd "$SOURCE"
awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside' README.md >"$WORK/commands"
(($(wc -l <"$WORK/commands") >= 15)) || fail "the README has no tour: $(cat "$WORK/commands")"
number=0
while IFS= read -r command; do
  number=$((number + 1))
  code=0
  bash -c "$command" >"$WORK/output-$number" 2>&1 || code=$?
  [[ $code == 0 ]] || fail "exit code $code: $command"$'\n'"$(cat "$WORK/output-$number")"
  case $command in
    "minik up") expect "$command" '^Cluster default is ready' <"$WORK/output-$number" ;;
    "minik get pods"*) expect "$command" '^service/hello +ClusterIP' <"$WORK/output-$number" ;;
    *curl*hello*) expect "$command" '^Hello from hello-' <"$WORK/output-$number" ;;
    *"nft list map"*) expect "$command" 'default/hello port http' <"$WORK/output-$number" ;;
    dig*) expect "$command" '^10\.' <"$WORK/output-$number" ;;
    "minik scale"*) expect "$command" 'deployment.apps/hello scaled' <"$WORK/output-$number" ;;
    "minik describe"*) expect "$command" '^Endpoints: ' <"$WORK/output-$number" ;;
    "minik down") expect "$command" '^Cluster default is down' <"$WORK/output-$number" ;;
  esac
done <"$WORK/commands"
# The paragraph that lists what is missing must not lie either: these are kept, but no packet heeds them.
up
k apply -f "$SOURCE/examples/hello-service/" >/dev/null
available hello
ready pod/client
k create -f - >/dev/null <<'POLICY'
{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"deny"},"spec":{"podSelector":{}}}
POLICY
k create ingress front --rule=example.org/=hello:80 >/dev/null
k exec client -- curl -s -m 5 http://hello | expect "a NetworkPolicy is not heeded yet" '^Hello from hello-'
k get ingress front -o 'jsonpath={.status.loadBalancer.ingress}' | refuse "an Ingress has no address yet" .
k apply -f "$SOURCE/tests/e2e/data/kinds.yaml" >/dev/null
sleep 1
[[ $(k get ingress web -o 'jsonpath={.status.loadBalancer}') == '{}' ]] || fail "somebody serves the Ingress"
node nft list ruleset | refuse "rules for a NetworkPolicy" '172\.17\.'
[[ $(k get pvc data -o 'jsonpath={.status.phase}') == Pending ]] || fail "somebody binds the claim"
down
