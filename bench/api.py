"""Figures of the API server.  usage: api.py KUBECONFIG PID_FILE STATE_DIRECTORY"""
import glob, json, os, select, signal, sqlite3, statistics, subprocess, sys, threading, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "support"))
from api_client import Api, call

kubeconfig, pid_file, state = sys.argv[1:]
objects, watchers, cold = (int(os.environ.get(name, usual)) for name, usual in
                           (("OBJECTS", "10000"), ("WATCHERS", "1000"), ("COLD", "100000")))
api = Api(kubeconfig)
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def status(name):
    with open(f"/proc/{int(open(pid_file).read())}/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def resident(): return status("VmRSS")


def pod(name):
    # Gated: never scheduled, so that no container runs.
    return {"metadata": {"name": name, "labels": {"app": "bench", "tier": "web"}},
            "spec": {"schedulingGates": [{"name": "bench.minik/never"}],
                     "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}],
                                     "env": [{"name": "A", "value": "b"}]}]}}


def config_map(name, text="b"): return {"metadata": {"name": name}, "data": {"a": text}}


def median_ms(work, count):
    times = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def size_of(connection, path, accept="application/json"):
    """Reads the answer and nothing else."""
    connection.request("GET", path, headers={"Accept": accept, "User-Agent": "bench"})
    answer = connection.getresponse()
    size = sum(iter(lambda: len(answer.read(1 << 20)), 0))
    assert answer.status == 200, answer.status
    return size


def by_clients(clients, work):
    """Runs work(connection, number) in so many threads at once; seconds until all are through."""
    problems = []

    def run(number):
        try:
            work(api.connect(), number)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(clients)]
    start = time.perf_counter()
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    if problems: raise problems[0]
    return time.perf_counter() - start


def wanted(code, answer):
    assert answer[0] == code, answer
    return answer[1]


def creates(clients, each, path, make):
    """Creates per second, by so many clients at once."""
    def work(connection, number):
        for i in range(each): wanted(201, call(connection, "POST", path, make(f"b{clients}-{number}-{i}")))
    return clients * each / by_clients(clients, work)


def raw_writes(count, statement):
    """Statements per second of raw SQLite, one synced commit each, on the daemon's disk."""
    db = sqlite3.connect(os.path.join(state, "bench.db"), isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"): db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE IF NOT EXISTS t (k TEXT PRIMARY KEY, v BLOB)")
    start = time.perf_counter()
    for i in range(count): db.execute(statement, (os.urandom(500), str(i)))
    rate = count / (time.perf_counter() - start)
    db.close()
    return rate


def remove_raw():
    for file in glob.glob(os.path.join(state, "bench.db*")): os.remove(file)


def fan_out(writes):
    """Milliseconds from a write's start until each watcher's socket has the line: p50, p99; bytes per watcher."""
    connection = api.connect()
    wanted(201, call(connection, "POST", MAPS, config_map("fan")))
    before, poll, streams = resident(), select.epoll(), {}
    for _ in range(watchers):
        stream = api.connect()
        stream.request("GET", f"{MAPS}?watch=true&fieldSelector=metadata.name%3Dfan&timeoutSeconds=600")
        answer = stream.getresponse()
        assert json.loads(answer.readline())["type"] == "ADDED"
        streams[stream.sock.fileno()] = (stream, answer)
        poll.register(stream.sock.fileno(), select.EPOLLIN | select.EPOLLET)
    cost = (resident() - before) / watchers
    while poll.poll(0.5, watchers): pass
    times = []
    for i in range(writes):
        arrived, start = {}, time.perf_counter()
        writer = threading.Thread(target=call, args=(connection, "PUT", f"{MAPS}/fan", config_map("fan", str(i))))
        writer.start()
        while len(arrived) < watchers and time.perf_counter() - start < 60:
            for number, _ in poll.poll(1, watchers): arrived.setdefault(number, time.perf_counter() - start)
        writer.join()
        assert len(arrived) == watchers, f"{len(arrived)} of {watchers} watchers were told"
        for _, answer in streams.values():
            assert json.loads(answer.readline())["object"]["data"]["a"] == str(i)
        times += [t * 1000 for t in arrived.values()]
    for stream, _ in streams.values(): stream.close()
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100], cost


def restart():
    """Milliseconds from an empty machine until a GET is answered again."""
    os.kill(int(open(pid_file).read()), signal.SIGKILL)
    start = time.perf_counter()
    subprocess.run(["minik", "up", "--api-port", "6443"], check=True, stdout=subprocess.DEVNULL)
    wanted(200, call(Api(kubeconfig).connect(), "GET", f"{MAPS}/fan"))
    return (time.perf_counter() - start) * 1000


def raw_rows():
    """The baseline of a start: milliseconds to read the same rows, after the daemon is gone."""
    file = next(f for f in glob.glob(os.path.join(state, "*.db")) if not f.endswith("bench.db"))
    copy = os.path.join(state, "bench.db")
    for end in ("", "-wal"):
        if os.path.exists(file + end): subprocess.run(["cp", file + end, copy + end], check=True)
    db = sqlite3.connect(copy)
    start = time.perf_counter()
    count = sum(1 for _ in db.execute("SELECT resource, revision, body FROM objects ORDER BY revision"))
    took = (time.perf_counter() - start) * 1000
    db.close()
    return count, took


def writes():
    insert = raw_writes(500, "INSERT INTO t (v, k) VALUES (?, ?)")
    update = raw_writes(500, "UPDATE t SET v = ? WHERE k = ?")
    remove_raw()
    print(f"raw SQLite, each synced:      insert {insert:.0f}/s, update {update:.0f}/s")
    for clients in (1, 8, 32):
        rate = creates(clients, max(20, 640 // clients), MAPS, config_map)
        print(f"create by {clients:2} clients:         {rate:.0f}/s, {rate / insert:.2f} of raw inserts")
    connection = api.connect()
    start = time.perf_counter()
    for i in range(300): wanted(200, call(connection, "PUT", f"{MAPS}/b1-0-0", config_map("b1-0-0", str(i))))
    rate = 300 / (time.perf_counter() - start)
    print(f"update by one client:         {rate:.0f}/s, {rate / update:.2f} of raw updates")


def reads():
    before = resident()
    creates(16, objects // 16, PODS, pod)
    print(f"memory per 10,000 pods:       {(resident() - before) / (objects // 16 * 16) * 10_000 / 2**20:.0f} MiB")
    connection = api.connect()
    blob = "static"
    wanted(201, call(connection, "POST", MAPS, config_map(blob, "x" * 1_000_000)))
    one = median_ms(lambda: size_of(connection, f"{PODS}/b16-0-0"), 300)
    version = median_ms(lambda: size_of(connection, "/version"), 300)
    print(f"GET of a pod:                 {one:.2f} ms, {one / version:.2f} of GET /version")
    static = median_ms(lambda: size_of(connection, f"{MAPS}/{blob}"), 20) / 1_000_000
    for name, accept in (("JSON", "application/json"), ("Table", TABLE)):
        size = size_of(connection, PODS, accept)
        took = median_ms(lambda: size_of(connection, PODS, accept), 5)
        print(f"list of {objects // 16 * 16} pods, {name + ':':6}  {took:.0f} ms, {took / (static * size):.2f} of "
              f"{size / 2**20:.1f} MiB of static bytes")
    wanted(200, call(connection, "DELETE", f"{MAPS}/{blob}"))


def cold_start():
    missing = cold - objects
    if missing > 0:
        def work(connection, number):
            for i in range(missing // 32):
                wanted(201, call(connection, "POST", MAPS, config_map(f"cold-{number}-{i}")))
        by_clients(32, work)
    took = restart()
    count, raw = raw_rows()
    print(f"cold start, {count} objects:  {took:.0f} ms, {took / raw:.1f} of reading the rows; "
          f"{resident() / 2**20:.0f} MiB resident")
    remove_raw()


writes()
reads()
p50, p99, cost = fan_out(20)
print(f"one write to {watchers} watchers:   p50 {p50:.1f} ms, p99 {p99:.1f} ms; {cost / 1024:.0f} KiB per idle watcher")
cold_start()
