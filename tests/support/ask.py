#!/usr/bin/env python3
"""Asks an HTTP server again and again over new connections, until a file appears.

usage: ask.py URL STOP_FILE REPORT_FILE [SECONDS_BETWEEN]
REPORT_FILE gets one JSON object: {"requests": N, "failed": N, "errors": [...], "answers": {"text": count}}.
"""
import json
import os
import sys
import time
import urllib.request

url, stop, report = sys.argv[1:4]
pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0.005
result = {"requests": 0, "failed": 0, "errors": [], "answers": {}}
end = time.time() + 300
while not os.path.exists(stop) and time.time() < end:
    result["requests"] += 1
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode().strip()
        result["answers"][text] = result["answers"].get(text, 0) + 1
    except Exception as error:  # Whatever went wrong is a failed request.
        result["failed"] += 1
        result["errors"].append(f"{time.time():.3f} {error}")
    time.sleep(pause)
with open(report + ".part", "w") as file:
    json.dump(result, file)
os.rename(report + ".part", report)
