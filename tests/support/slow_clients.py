"""Clients that are slow, silent or gone: none of them holds a thread or a socket of the daemon for long.

usage: slow_clients.py KUBECONFIG PID_FILE.  Everything happens at once; the longest wait is the time of a write.
"""
import os, socket, struct, sys, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from api_client import Api, call

api, pid = Api(sys.argv[1]), int(open(sys.argv[2]).read())
MAPS = "/api/v1/namespaces/default/configmaps"
problems = []


def threads(): return len(os.listdir(f"/proc/{pid}/task"))
def files(): return len(os.listdir(f"/proc/{pid}/fd"))


def resident():
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def plain(receive_buffer=None):
    raw = socket.socket()
    if receive_buffer: raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.settimeout(30)
    raw.connect(("127.0.0.1", api.port))
    return raw


def secure(receive_buffer=None):
    return api.context.wrap_socket(plain(receive_buffer), server_hostname="127.0.0.1")


def ended(connection, drip=b""):
    """Sends a byte each half second; seconds until the server ends the connection."""
    start = time.monotonic()
    connection.settimeout(0.5)
    while time.monotonic() - start < 55:
        try:
            if drip: connection.sendall(drip)
            while connection.recv(4096): pass
            break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - start


def between(low, high, what, seconds):
    print(f"{what}: ended after {seconds:.1f} s")
    if not low <= seconds <= high: problems.append(f"{what}: ended after {seconds:.1f} s, not {low} to {high}")


def drip_handshake():  # A record of 16,000 bytes is announced and comes one byte at a time.
    connection = plain()
    connection.sendall(b"\x16\x03\x01\x3e\x80\x01\x00\x3e\x7c")
    between(8, 60, "dripped handshake", ended(connection, b"\x03"))


def silent():
    between(8, 60, "silence before the handshake", ended(plain()))


def drip_head():
    connection = secure()
    connection.sendall(b"GET /version HTTP/1.1\r\nX-Slow: ")
    between(28, 120, "dripped head", ended(connection, b"a"))


def drip_body():
    connection = secure()
    connection.sendall(f"POST {MAPS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                       "Content-Length: 100000\r\n\r\n{".encode())
    between(28, 120, "dripped body", ended(connection, b" "))


def half_closed():
    connection = secure()
    connection.sendall(f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    connection.recv(64)
    connection.shutdown(socket.SHUT_WR)
    between(0, 60, "half-closed watch", ended(connection))


def deaf_watcher(began):
    """Reads the first bytes and then nothing while 200 MB of events are written."""
    connection = secure(4096)
    connection.sendall(f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    connection.recv(64)
    began.set()
    raw = connection.fileno()
    start = time.monotonic()
    # The server resets or closes: the state of the socket tells, without a read.
    while time.monotonic() - start < 55:
        state = struct.unpack("B", socket.socket(fileno=os.dup(raw)).getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))[0]
        if state != 1: break  # No longer ESTABLISHED.
        time.sleep(0.2)
    between(20, 120, "watcher that does not read", time.monotonic() - start)
    connection.close()


def writes(began):
    began.wait()
    connection = api.connect()
    call(connection, "POST", MAPS, {"metadata": {"name": "big"}, "data": {"a": ""}})
    for i in range(400):
        status, answer = call(connection, "PUT", f"{MAPS}/big", {"metadata": {"name": "big"}, "data": {"a": str(i % 10) * 500_000}})
        if status != 200: problems.append(f"write: {answer}")


def within(seconds, what, holds):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end: sys.exit(f"not within {seconds} s: {what}")
        time.sleep(0.2)


call(api.connect(), "GET", "/version")
within(5, "quiet", lambda: True)
time.sleep(1)
before = threads(), files()

# Abandoned watches: two hundred clients vanish without a word of TLS.
gone = []
for _ in range(200):
    connection = secure()
    connection.sendall(f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    gone.append(connection)
for connection in gone: connection.recv(64)
if threads() < before[0] + 200: problems.append("200 watches have no thread each: this test counts the wrong thing")
for connection in gone: os.close(connection.detach())
start = time.monotonic()
within(8, f"200 abandoned watches end: {threads()} threads, {files()} files, before {before}",
       lambda: threads() <= before[0] + 2 and files() <= before[1] + 2)
print(f"200 abandoned watches: ended after {time.monotonic() - start:.1f} s")

began, memory = threading.Event(), resident()
jobs = [threading.Thread(target=work) for work in (drip_handshake, silent, drip_head, drip_body, half_closed)]
jobs += [threading.Thread(target=deaf_watcher, args=(began,)), threading.Thread(target=writes, args=(began,))]
for job in jobs: job.start()
for job in jobs: job.join()
status, version = call(api.connect(), "GET", "/version")
if status != 200: problems.append(f"the server does not answer any more: {version}")
within(10, f"everything ends: {threads()} threads, {files()} files, before {before}",
       lambda: threads() <= before[0] + 2 and files() <= before[1] + 2)
grown = (resident() - memory) / 2**20
print(f"memory after 200 MB of events: {grown:.0f} MiB more")
if grown > 350: problems.append(f"{grown:.0f} MiB more: what a watcher did not read is kept")
if problems: sys.exit("\n".join(problems))
