#!/usr/bin/env bash
# Services at size: load, change and connect with 1, 1,000 and 10,000 of them.  Usage: bench/service.sh BUILD
set -euo pipefail
ninja -C "$1" service_bench >/dev/null
"$1/service_bench"
