"""Figures of the API server.  usage: api.py KUBECONFIG OBJECTS PID_FILE DIRECTORY"""
import os, queue, sqlite3, statistics, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
from api_client import Api, call

kubeconfig, objects, pid_file, directory = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
api = Api(kubeconfig)
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def resident():
    with open(f"/proc/{int(open(pid_file).read())}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def pod(name):
    # Gated: never scheduled, so that no container runs.
    return {"metadata": {"name": name}, "spec": {"schedulingGates": [{"name": "bench.minik/never"}],
            "containers": [{"name": "c", "image": "i"}]}}


def median_ms(work, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def creates(clients, each, path, make):
    """Creates per second, by so many clients at once."""
    problems = []

    def run(number):
        connection = api.connect()
        for i in range(each):
            status, answer = call(connection, "POST", path, make(f"b{clients}-{number}-{i}"))
            if status != 201:
                problems.append(answer)
                return

    threads = [threading.Thread(target=run, args=(n,)) for n in range(clients)]
    start = time.perf_counter()
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert not problems, problems[0]
    return clients * each / (time.perf_counter() - start)


def raw_inserts(count):
    """The baseline: one insert and one fsync each."""
    db = sqlite3.connect(os.path.join(directory, "bench.db"), isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)")
    start = time.perf_counter()
    for i in range(count): db.execute("INSERT INTO t VALUES (?, ?)", (str(i), b"x" * 500))
    rate = count / (time.perf_counter() - start)
    db.close()
    return rate


def fan_out(watchers, writes):
    """Milliseconds from a write's start to each watcher's line: p50, p99."""
    arrived, ready = queue.Queue(), threading.Semaphore(0)

    def watch():
        connection = api.connect()
        connection.request("GET", f"{MAPS}?watch=true&fieldSelector=metadata.name%3Dfan&timeoutSeconds=120")
        answer = connection.getresponse()
        answer.readline()
        ready.release()
        for _ in range(writes):
            answer.readline()
            arrived.put(time.perf_counter())
        connection.close()

    connection = api.connect()
    call(connection, "POST", MAPS, {"metadata": {"name": "fan"}, "data": {"n": "0"}})
    threads = [threading.Thread(target=watch) for _ in range(watchers)]
    for thread in threads: thread.start()
    for _ in threads: ready.acquire()
    times = []
    for i in range(writes):
        start = time.perf_counter()
        call(connection, "PUT", f"{MAPS}/fan", {"metadata": {"name": "fan"}, "data": {"n": str(i + 1)}})
        times += [(arrived.get(timeout=60) - start) * 1000 for _ in threads]
    for thread in threads: thread.join()
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]


raw = raw_inserts(300)
print(f"raw SQLite insert and fsync:    {raw:.0f}/s (the baseline of the creates)")
for clients in (1, 8, 32):
    rate = creates(clients, max(10, 320 // clients), MAPS, lambda n: {"metadata": {"name": n}, "data": {"a": "b"}})
    print(f"creates by {clients:2} clients:           {rate:.0f}/s, {rate / raw:.2f} of the baseline")
before = resident()
creates(16, objects // 16, PODS, pod)
print(f"memory per 10,000 pods:         {(resident() - before) / (objects // 16 * 16) * 10_000 / 2**20:.0f} MiB")
connection = api.connect()
one = median_ms(lambda: call(connection, "GET", f"{PODS}/b16-0-0"), 200)
version = median_ms(lambda: call(connection, "GET", "/version"), 200)
print(f"GET of a pod:                   {one:.2f} ms, {one / version:.2f} of GET /version")
plain = median_ms(lambda: call(connection, "GET", PODS), 5)
table = median_ms(lambda: call(connection, "GET", PODS, accept=TABLE), 5)
print(f"list of {objects // 16 * 16} pods:  JSON {plain:.0f} ms, Table {table:.0f} ms (parsed by Python)")
p50, p99 = fan_out(int(os.environ.get("WATCHERS", "1000")), 5)
print(f"one write to all watchers:      p50 {p50:.1f} ms, p99 {p99:.1f} ms")
