#!/usr/bin/env python3
"""tidy: what the compiler does not check.  usage: tidy.py SOURCE_DIR

Layering and homes of foreign headers (design.md section 3), budgets of files and functions, `#pragma once`, TODOs
without an issue, and that the documents tell the truth: every command in README.md is one that exists and every
`./dev` command is listed, every dependency of ARCHITECTURE.md is one that CMake asks for.
"""
import os
import re
import sys

ROOT = sys.argv[1]
FILE_MAX, FUNCTION_MAX, LINE_MAX = 500, 70, 120

# What each room may include, beside itself.
MAY = {
    "base": set(),
    "api": {"base"},
    "netd/plan": {"base"},
    "netd/kernel": {"base", "netd/plan"},
    "apiserver": {"base", "api"},
    "controllers": {"base", "api"},
    "dns": {"base", "api"},
    "runtime": {"base", "api"},
    "proxy": {"base", "api", "netd/plan"},
    "cni": {"base", "api", "netd/plan"},
    "kubectl-lite": {"base", "api"},
    "daemon": {"base", "api", "netd/plan", "netd/kernel", "apiserver", "controllers", "dns", "runtime", "proxy", "cni"},
    "main.cc": {"daemon", "kubectl-lite"},
}
# Foreign headers and the only places that may include them.
HOMES = {
    r"sqlite3\.h": ["apiserver/sqlite_journal.cc"],
    r"httplib\.h": ["apiserver/http_server.cc", "kubectl-lite/client.cc"],
    r"(netlink|libnftnl|libmnl|libnetfilter_conntrack)/": ["netd/kernel/"],
    r"CLI/": ["main.cc", "kubectl-lite/"],
    r"yaml-cpp/": ["base/yaml.cc", "cmake/"],
    r"spdlog/": ["base/log.cc"],
    r"seccomp\.h": ["runtime/"],
    r"archive": ["runtime/"],
}
# Calls that belong in few places.
CALLS = {
    r"\b(setns|unshare)\(": ["netd/kernel/netns.cc", "base/netns.cc", "runtime/"],
}
problems = []


def say(path, line, text):
    problems.append(f"{path}:{line}: {text}")


def sources():
    for top in ["main.cc"] + sorted({room.split("/")[0] for room in MAY if room != "main.cc"}):
        full = os.path.join(ROOT, top)
        if os.path.isfile(full):
            yield top
        for folder, _, names in os.walk(full):
            for name in sorted(names):
                if name.endswith((".cc", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def room_of(path):
    best = ""
    for room in MAY:
        if (path == room or path.startswith(room + "/")) and len(room) > len(best):
            best = room
    return best


def check_includes(path, lines):
    room = room_of(path)
    is_test = path.endswith(("_test.cc", "_fuzz.cc"))
    for number, line in enumerate(lines, 1):
        match = re.match(r'#include ([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        target = match.group(2)
        if match.group(1) == '"':
            other = room_of(target)
            if other and other != room and other not in MAY[room]:
                say(path, number, f"{room} may not include {other} ({target})")
        else:
            for pattern, homes in HOMES.items():
                at_home = any(path == home or (home.endswith("/") and path.startswith(home)) for home in homes)
                if re.match(pattern, target) and not at_home and not is_test:
                    say(path, number, f"<{target}> has its home in {', '.join(homes)}")


def check_calls(path, lines):
    if path.endswith("_test.cc"):
        return
    for number, line in enumerate(lines, 1):
        code = line.split("//")[0]
        for pattern, homes in CALLS.items():
            at_home = any(path == home or (home.endswith("/") and path.startswith(home)) for home in homes)
            if re.search(pattern, code) and not at_home:
                say(path, number, f"{pattern} belongs in {', '.join(homes)}")


def check_sizes(path, lines):
    if len(lines) > FILE_MAX:
        say(path, len(lines), f"{len(lines)} lines; a file has at most {FILE_MAX}")
    start = None
    for number, line in enumerate(lines, 1):
        # A function body opens at the end of an unindented (or class member) line and closes at the same column.
        opening = re.match(r"^(  )?(?!namespace|struct|class|enum|union|extern)([\w:<>,&*~\[\]() =.]+\)[^;]*)\{$", line)
        if opening and start is None:
            start = (number, opening.group(1) or "", line.strip())
        elif start and line.rstrip() in (start[1] + "}", start[1] + "};"):
            if number - start[0] > FUNCTION_MAX:
                say(path, start[0], f"{number - start[0]} lines; a function has at most {FUNCTION_MAX}: {start[2][:60]}")
            start = None
        if len(line) > LINE_MAX and not path.endswith("_test.cc"):  # Golden texts may be long.
            say(path, number, f"{len(line)} columns; a line has at most {LINE_MAX}")
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) and not re.search(r"#\d+", line):
            say(path, number, "a TODO names its issue")
        if re.search(r"if \(testing", line):
            say(path, number, "no `if (testing)`")


def check_headers(path, lines):
    if not path.endswith(".h"):
        return
    if "#pragma once" not in lines[:40]:
        say(path, 1, "a header has #pragma once")
    if not lines[0].startswith("//"):
        say(path, 1, "a header begins by saying what it is")


def read(name):
    path = os.path.join(ROOT, name)
    return open(path).read() if os.path.isfile(path) else None


def check_documents():
    readme, dev = read("README.md"), read("dev")
    if readme is None or dev is None:
        say("README.md", 1, "is missing, or `dev` is")
        return
    commands = re.findall(r"^\s*(?:sudo )?\./dev (\w+)", readme, re.M)
    if commands[:2] != ["demo", "test"]:
        say("README.md", 1, "opens with ./dev demo and ./dev test")
    for command in set(commands):
        if not re.search(rf"^cmd_{command}\(\)", dev, re.M):
            say("README.md", 1, f"./dev {command} does not exist")
    # Every `minik …` line of the README is run by an end-to-end test.
    e2e = "".join(read(os.path.join("tests/e2e", n)) or "" for n in sorted(os.listdir(os.path.join(ROOT, "tests/e2e"))))
    if "readme_commands" not in e2e:
        say("README.md", 1, "no end-to-end test runs its commands (readme_commands)")
    architecture, cmake = read("ARCHITECTURE.md"), (read("CMakeLists.txt") or "").lower()
    if architecture is None:
        say("ARCHITECTURE.md", 1, "is missing")
        return
    for name in re.findall(r"^\| `([\w.+-]+)` \|", architecture, re.M):
        word = name.lower().replace("cpp-", "").replace("-3", "")
        if word not in cmake and word not in dev.lower():
            say("ARCHITECTURE.md", 1, f"dependency {name} is asked for nowhere")
    for room in MAY:
        if room != "main.cc" and f"`{room}`" not in architecture and f"{room}/" not in architecture:
            say("ARCHITECTURE.md", 1, f"does not speak of {room}")
    for link in re.findall(r"\]\(([\w./-]+\.(?:md|cc|h|yaml))\)", readme + architecture + (read("CONTRIBUTING.md") or "")):
        if not os.path.exists(os.path.join(ROOT, link)):
            say("README.md", 1, f"links to {link}, which is not there")


for source in sources():
    with open(os.path.join(ROOT, source)) as file:
        text = file.read().splitlines()
    check_includes(source, text)
    check_calls(source, text)
    check_sizes(source, text)
    check_headers(source, text)
check_documents()
for problem in problems:
    print(problem)
print(f"tidy: {len(problems)} problems")
sys.exit(1 if problems else 0)
