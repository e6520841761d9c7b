# exec, attach, port-forward, cp, logs and proxy, as three generations of kubectl ask for them: SPDY (1.27),
# WebSocket and SPDY (1.30), WebSocket and SPDY inside WebSocket (1.33), and 1.33 without WebSocket.
source "$(dirname "$0")/lib.sh"
UNPACK=/work/shared/kubectl/unpack
[[ -x $UNPACK ]] || exit 77
"$UNPACK" "$WORK/kubectls"

kube() { timeout 60 "$WORK/kubectls/kubectl.${VERSION%-*}" --cache-dir="$WORK/cache-$VERSION" "$@"; }
usage() { echo "$(ls "/proc/$(daemon_pid)/fd" | wc -l) $(ls "/proc/$(daemon_pid)/task" | wc -l)"; }
sum() { sha256sum | cut -d' ' -f1; }

up
k apply -f - <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: p}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: nginx, ports: [{containerPort: 80, name: http}]}]
---
apiVersion: v1
kind: Service
metadata: {name: svc}
spec: {selector: {app: p}, ports: [{port: 8080, targetPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
YAML
ready pod/p
sleep 1
BEFORE=$(usage)
head -c 8000000 /dev/urandom >"$WORK/8MB"
head -c 52428800 /dev/urandom >"$WORK/50MiB"

check_exec() {
  exits 3 kube exec p -- sh -c 'echo to-out; echo to-err >&2; exit 3'
  expect "output" '^to-out$' <"$WORK/output"
  [[ $(kube exec p -- sh -c 'echo o; echo e >&2' 2>/dev/null) == o ]] || fail "$VERSION: stderr in stdout"
  exits 127 kube exec p -- no-such-program
  [[ $(grep -c no-such-program "$WORK/output") == 1 ]] || fail "$VERSION: $(cat "$WORK/output")"
  [[ $(kube exec -i p -- cat <"$WORK/8MB" | sum) == $(sum <"$WORK/8MB") ]] || fail "$VERSION: stdin to stdout"
  exits 1 kube exec p -c absent -- true
  expect "no such container" 'container.* absent is not valid for pod p|container not found \("absent"\)' \
    <"$WORK/output"
}

check_terminal() {
  python3 - "$WORK/kubectls/kubectl.${VERSION%-*}" <<'PYTHON' || fail "$VERSION: exec -it"
import fcntl, os, pty, select, signal, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], ["kubectl", "exec", "-it", "p", "--", "sh"])
seen = b""
def size(rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.kill(pid, signal.SIGWINCH)
def until(word):
    global seen
    end = time.time() + 15
    while word not in seen:
        assert time.time() < end, (word, seen)
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 4096)
    seen = seen[seen.index(word) + len(word):]
size(33, 99)
until(b"# ")
os.write(fd, b"stty size; echo $TERM\n")
until(b"33 99")
until(b"xterm")
size(44, 111)
time.sleep(0.3)
os.write(fd, b"stty size\n")
until(b"44 111")
os.write(fd, b"sleep 1000; echo interrupted=$?\n")
time.sleep(0.3)
os.write(fd, b"\x03")
os.write(fd, b"echo af''ter\n")
until(b"after")
os.write(fd, b"\x04")
assert os.waitpid(pid, 0)[1] == 0
PYTHON
}

check_forward() {
  local forward
  "$WORK/kubectls/kubectl.${VERSION%-*}" port-forward pod/p 9090:80 9091:81 >"$WORK/forward" 2>&1 &
  forward=$!
  eventually 10 grep -q 'Forwarding from 127.0.0.1:9091' "$WORK/forward"
  python3 - <<'PYTHON' || fail "$VERSION: 1000 requests through one session"
import threading, urllib.request
def ask(times):
    for _ in range(times):
        assert b"Hello" in urllib.request.urlopen("http://127.0.0.1:9090/", timeout=10).read()
ask(800)
threads = [threading.Thread(target=ask, args=(100,)) for _ in range(2)]
[t.start() for t in threads]
[t.join() for t in threads]
PYTHON
  curl -s -m 5 http://127.0.0.1:9091/ && fail "$VERSION: a closed port answers"
  eventually 10 grep -q 'connection refused' "$WORK/forward"
  expect "refused port" 'failed to connect to localhost:81 inside namespace .*dial tcp4 127.0.0.1:81' <"$WORK/forward"
  kill "$forward" 2>/dev/null || true
  wait "$forward" || true
}

check_copy() {
  kube cp "$WORK/50MiB" p:/tmp/copy
  kube cp p:/tmp/copy "$WORK/back" >/dev/null 2>&1
  cmp "$WORK/50MiB" "$WORK/back" || fail "$VERSION: cp"
}

check_run() {
  [[ $(echo hello | kube run once -i --rm --quiet --restart=Never --image=busybox -- cat) == *hello* ]] ||
    fail "$VERSION: run -i --rm"
  kube run att -i --attach=false --restart=Never --image=busybox -- sh -c 'while read l; do echo got $l; done'
  eventually 20 sh -c "kubectl get pod att -o jsonpath={.status.phase} | grep Running"
  printf 'one\ntwo\n' | kube attach -i att 2>/dev/null | expect "$VERSION: attach" '^got two$'
  eventually 20 sh -c "kubectl get pod att -o jsonpath={.status.phase} | grep Succeeded"
  k delete pod att --grace-period=0 --force >/dev/null 2>&1
}

for VERSION in 1.27 1.30 1.33 1.33-spdy; do
  [[ $VERSION == *-spdy ]] && export KUBECTL_REMOTE_COMMAND_WEBSOCKETS=false KUBECTL_PORT_FORWARD_WEBSOCKETS=false
  check_exec
  check_terminal
  check_forward
  check_copy
  check_run
done
unset KUBECTL_REMOTE_COMMAND_WEBSOCKETS KUBECTL_PORT_FORWARD_WEBSOCKETS
# The daemon has no more descriptors and threads than before all this.
no_leak() {
  local fds_before threads_before fds threads
  read -r fds_before threads_before <<<"$BEFORE"
  read -r fds threads <<<"$(usage)"
  echo "before: $BEFORE now: $fds $threads"
  ((fds <= fds_before && threads <= threads_before))
}
eventually 20 no_leak

# A terminal of the container's own, before and after a daemon that died.
k run term -it --attach=false --restart=Never --image=busybox -- sh >/dev/null
ready pod/term
kill -9 "$(daemon_pid)"
up
printf 'echo al''ive\nexit\n' | timeout 20 script -qc "kubectl attach -it term" /dev/null >"$WORK/attached" || true
eventually 20 sh -c "kubectl get pod term -o jsonpath={.status.phase} | grep Succeeded"
k logs term | expect "the terminal's log" 'alive'
k delete pod term --grace-period=0 --force >/dev/null 2>&1

# Logs.
k run talks --restart=Never --image=busybox -- sh -c 'for i in 1 2 3; do echo line $i; done; echo bad >&2; sleep 2; echo last'
ready pod/talks
k logs -f talks | expect "follow ends with the container" '^last$'
[[ $(k logs talks --tail=1) == last ]] || fail "tail"
[[ $(k logs talks --limit-bytes=4) == line ]] || fail "limit-bytes"
k logs talks --timestamps | expect "timestamps" '^[0-9-]+T[0-9:.]+Z line 1$'
[[ -z $(k logs talks --since-time=2099-01-01T00:00:00Z) ]] || fail "since-time"
exits 1 k logs talks -p
expect "no previous run" 'previous terminated container "talks" in pod "talks" not found' <"$WORK/output"
exits 1 k get --raw '/api/v1/namespaces/default/pods/talks/log?tailLines=-1'
expect "negative tail" 'tailLines: Invalid value: -1: must be greater than or equal to 0' <"$WORK/output"

# The proxy subresource.
NS=/api/v1/namespaces/default
k get --raw "$NS/services/svc:8080/proxy/" | expect "service proxy" '^Hello from p'
k get --raw "$NS/services/svc/proxy/" | expect "service proxy, only port" '^Hello from p'
k get --raw "$NS/pods/p:http/proxy/" | expect "pod proxy, named port" '^Hello from p'
exits 1 k get --raw "$NS/services/empty/proxy/"
expect "no endpoints" 'no endpoints available for service "empty"' <"$WORK/output"
exits 1 k get --raw "$NS/pods/p:81/proxy/"
expect "closed port" 'error trying to reach service: dial tcp .*:81: connect: connection refused' <"$WORK/output"
exits 1 k get --raw "$NS/pods/p/exec?command=true"
expect "no upgrade" 'Upgrade request required|must specify at least' <"$WORK/output"
k delete pod talks --grace-period=0 --force >/dev/null 2>&1

! pgrep -f 'sleep 1000' >/dev/null || fail "a program outlived its session"
down
