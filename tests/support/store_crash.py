"""Rounds of random writes by eight clients, kill -9 of the daemon, restart: what was acknowledged must be there.
usage: store_crash.py KUBECONFIG PID_FILE ROUNDS UP_COMMAND…"""
import http.client, json, os, random, re, signal, subprocess, sys, threading, time

from api_client import Api, call

kubeconfig, pid_file, rounds, up = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
PATH = "/api/v1/namespaces/default/configmaps"


API = Api(kubeconfig)
connect = API.connect


class Client(threading.Thread):
    """Owns the objects w<number>-*; remembers what was acknowledged and the one write that was not."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.known, self.pending, self.newest, self.acknowledged = number, {}, None, 0, []
        self.writes = 0

    def run(self):
        try:
            connection = connect()
            while True:
                self.write(connection)
        except (OSError, http.client.HTTPException, ValueError):
            return  # The daemon is dead; self.pending says what nobody knows.

    def write(self, connection):
        name = f"w{self.number}-{random.randrange(6)}"
        old = self.known.get(name)
        value = f"{random.getrandbits(64):x}" * random.randrange(1, 40)
        body = {"metadata": {"name": name}, "data": {"a": value, "b": value}}
        if old is None:
            self.pending = (name, value)
            status, answer = call(connection, "POST", PATH, body)
        elif random.random() < 0.3:
            self.pending = (name, None)
            status, answer = call(connection, "DELETE", f"{PATH}/{name}")
        else:
            self.pending = (name, value)
            status, answer = call(connection, "PUT", f"{PATH}/{name}", body)
        assert status in (200, 201), (status, answer)
        self.known[name] = self.pending[1]
        self.pending = None
        self.writes += 1
        if answer["kind"] == "ConfigMap":
            revision = int(answer["metadata"]["resourceVersion"])
            assert revision > self.newest, f"revision {revision} after {self.newest}"
            self.newest = revision
            self.acknowledged.append(revision)


class Watcher(threading.Thread):
    """Watches from a revision; every event's revision must be new."""

    def __init__(self, revision):
        super().__init__(daemon=True)
        self.start_revision, self.revision, self.events, self.problem = revision, revision, 0, ""
        self.seen = set()

    def run(self):
        try:
            connection = connect()
            connection.request("GET", f"{PATH}?watch=true&resourceVersion={self.revision}")
            answer = connection.getresponse()
            if answer.status == 410:
                self.problem = "gone"
            while line := answer.readline():
                event = json.loads(line)
                if event["type"] == "ERROR" or "type" not in event:
                    self.problem = "gone"
                    return
                revision = int(event["object"]["metadata"]["resourceVersion"])
                if revision <= self.revision:
                    self.problem = f"event {revision} after {self.revision}"
                    return
                self.revision, self.events = revision, self.events + 1
                self.seen.add(revision)
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return


def check(clients, round_number, highest):
    status, answer = call(connect(), "GET", PATH)
    assert status == 200, answer
    revision = int(answer["metadata"]["resourceVersion"])
    assert revision >= highest, f"round {round_number}: the counter went back from {highest} to {revision}"
    there = {i["metadata"]["name"]: i["data"] for i in answer["items"] if re.match(r"w\d-", i["metadata"]["name"])}
    for name, data in there.items():
        assert data["a"] == data["b"], f"round {round_number}: {name} is half written"
    for client in clients:
        for name in [f"w{client.number}-{i}" for i in range(6)]:
            found = there[name]["a"] if name in there else None
            allowed = [client.known.get(name)]
            if client.pending and client.pending[0] == name:
                allowed.append(client.pending[1])
            assert found in allowed, f"round {round_number}: {name} is neither acknowledged nor tried"
            client.known[name] = found
    return revision


clients, highest, writes, events, gone = [Client(n) for n in range(8)], 0, 0, 0, 0
highest = check(clients, 0, 0)
resume = highest
for round_number in range(1, rounds + 1):
    watcher = Watcher(resume)
    watcher.start()
    fresh = []
    for old in clients:
        client = Client(old.number)
        client.known, client.newest = {k: v for k, v in old.known.items() if v is not None}, highest
        fresh.append(client)
        client.start()
    clients = fresh
    time.sleep(random.uniform(0.1, 0.4))
    os.kill(int(open(pid_file).read()), signal.SIGKILL)
    for thread in clients + [watcher]:
        thread.join(15)
        assert not thread.is_alive(), "a client hangs on a dead daemon"
    assert watcher.problem in ("", "gone"), watcher.problem
    for acknowledged in [r for c in clients for r in c.acknowledged] if watcher.problem == "" else []:
        due = watcher.start_revision < acknowledged <= watcher.revision
        assert not due or acknowledged in watcher.seen, f"the watcher missed revision {acknowledged}"
    gone += watcher.problem == "gone"
    writes, events = writes + sum(c.writes for c in clients), events + watcher.events
    subprocess.run(up, check=True, stdout=subprocess.DEVNULL)
    highest = check(clients, round_number, max([highest, watcher.revision] + [c.newest for c in clients]))
    resume = watcher.revision if watcher.problem == "" else highest
assert writes > rounds, "hardly anything was written"
assert events > 0, "the watchers saw nothing"
print(f"{rounds} rounds: {writes} acknowledged writes kept, {events} events seen once, {gone} watchers relisted")
