#!/usr/bin/env python3
r"""Runs a golden file: shell commands and what they must print.

usage: golden.py MINOR FILE…      MINOR: of the kubectl under test (27 for 1.27)

A file is a list of steps:
    # a comment
    $ kubectl get pods            run with bash; the lines below are its output, stdout and stderr together
    NAME  READY                   runs of blanks count as one; <any> <age> <ip> <rand> <int> <uid> stand for what varies
    {<30} {>=31} {27-29} line     the line belongs to these versions only; before `$` or `~` too
    ...                           any number of lines
    \# not a comment               a leading backslash goes
    [3]                           the exit code, when it is not 0
    ~ kubectl rollout status …    repeated until it succeeds (30 s); the output is not compared
`$ … | cat` hides an exit code.  A `$` step may be followed by `< text` lines: its standard input.
"""
import re
import subprocess
import sys
import time

WILD = {
    '<any>': r'.*?', '<age>': r'(?:\d+[smhdy])+|<unknown>|<invalid>', '<ip>': r'[0-9a-f.:]+', '<rand>': r'[a-z0-9]+',
    '<int>': r'\d+', '<uid>': r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
}


def applies(line, minor):
    """The line without its version mark, or None when it is for other versions."""
    match = re.match(r'\{(<|>=|)(\d+)(?:-(\d+))?\} ?', line)
    if not match:
        return line
    op, low, high = match.group(1), int(match.group(2)), match.group(3)
    if op == '<':
        good = minor < low
    elif op == '>=':
        good = minor >= low
    else:
        good = low <= minor <= int(high or low)
    return line[match.end():] if good else None


def pattern(line):
    parts = re.split('(' + '|'.join(map(re.escape, WILD)) + ')', re.sub(r'\s+', ' ', line.strip()))
    return ''.join(f'(?:{WILD[part]})' if part in WILD else re.escape(part) for part in parts)


def matches(wanted, got):
    """Whether the lines fit; `...` takes any number of them."""
    text = ''.join(r'(?:[^\n]*\n)*?' if line.strip() == '...' else pattern(line) + r'\n' for line in wanted)
    return re.fullmatch(text, ''.join(re.sub(r'\s+', ' ', line).strip() + '\n' for line in got)) is not None


class Step:
    def __init__(self, number, kind, command):
        self.number, self.kind, self.command = number, kind, command
        self.stdin, self.wanted, self.code = [], [], 0


def parse(path, minor):
    steps, skipping = [], False
    for number, raw in enumerate(open(path, encoding='utf-8').read().splitlines(), 1):
        line = applies(raw, minor)
        if line is None:
            if re.sub(r'^\{[^}]*\} ?', '', raw)[:2] in ('$ ', '~ '):
                skipping = True
            continue
        if line.startswith(('$ ', '~ ')):
            skipping = False
            steps.append(Step(number, line[0], line[2:]))
        elif skipping or line.startswith('#') or not line.strip():
            continue
        elif line.startswith('< ') or line == '<':
            steps[-1].stdin.append(line[2:])
        elif re.fullmatch(r'\[\d+\]', line):
            steps[-1].code = int(line[1:-1])
        else:
            steps[-1].wanted.append(line.removeprefix('\\'))
    return steps


def run(step):
    done = subprocess.run(['bash', '-c', step.command], input='\n'.join(step.stdin) + '\n', text=True, timeout=120,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors='replace')
    return done.returncode, done.stdout


def main():
    minor, failed, count = int(sys.argv[1]), 0, 0
    for path in sys.argv[2:]:
        for step in parse(path, minor):
            count += 1
            code, text = run(step)
            if step.kind == '~':
                end = time.time() + 30
                while code != 0 and time.time() < end:
                    time.sleep(0.1)
                    code, text = run(step)
            good = code == step.code and (step.kind == '~' or matches(step.wanted, [line for line in text.splitlines() if line.strip()]))
            if not good:
                failed += 1
                print(f'{path}:{step.number}: $ {step.command}\n  wanted [{step.code}]:')
                print(''.join(f'    {line}\n' for line in step.wanted) + f'  got [{code}]:')
                print(''.join(f'    {line}\n' for line in text.splitlines()), end='')
    print(f'1.{minor}: {count} steps, {failed} failed')
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())
