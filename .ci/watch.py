#!/usr/bin/env python3
"""Calls the functions under `cargo lambda watch` with the payloads of events/, as watch-events.txt says.

usage: watch.py ENV_FILE
ENV_FILE holds the variables with which a function reaches a running local cloud (`millrace local --write-env`).
The watched functions share its table, but get a queue of their own: there nobody but this script takes messages, so
that it is the watched worker that runs the task, and no other.
"""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
EVENTS = HERE.parent / "events"
PLACEHOLDERS = {
    "flow": "7b9d1f52-3c1e-4a57-9d0a-51a4d3f0c2aa",
    "task": "0192f0c4-7c1e-7a57-9d0a-51a4d3f0c2bb",
    "key": "5e0c1a3b-2f4d-4b6e-8a9c-7d1e2f3a4b5c",
    "variable": "6f1d2b4c-3e5f-4c7a-9b8d-8e2f3a4b5c6d",
    "provider": "http://127.0.0.1:7861",
}
ADDRESS = "127.0.0.1"
FUNCTIONS = {"api": "api", "sqs": "worker", "sweeper": "sweeper"}  # what a payload's name begins with
ANSWER_SECONDS = 120  # the first call may still build


def read_variables(path):
    lines = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, value in lines}


def create_queue(endpoint, name):
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.CreateQueue"}
    request = urllib.request.Request(endpoint, json.dumps({"QueueName": name}).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)["QueueUrl"]


def free_port():
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        return listener.getsockname()[1]


@contextmanager
def watching(port, env_file, log):
    """cargo-lambda's Runtime API on loopback; it starts a function when it is first called."""
    command = ["cargo", "lambda", "watch", "-A", ADDRESS, "-P", str(port), "--ignore-changes", "--env-file", env_file]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=HERE.parent)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex((ADDRESS, port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def substituted(name, values):
    text = (EVENTS / f"{name}.json").read_text()
    for placeholder, value in values.items():
        text = text.replace(PLACEHOLDERS[placeholder], value)
    event = json.loads(text)
    if "content-length" in event.get("headers", {}) and not event["isBase64Encoded"]:
        event["headers"]["content-length"] = str(len(event.get("body", "").encode()))
    return event


def invoke(port, name, event, folder):
    function = FUNCTIONS[name.split("-")[0]]
    data = Path(folder) / f"{name}.json"
    data.write_text(json.dumps(event))
    command = ["cargo", "lambda", "invoke", function, "-A", ADDRESS, "-P", str(port), "--data-file", str(data)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        return None, f"no answer in {ANSWER_SECONDS} s"
    if done.returncode != 0:
        return None, (done.stdout + done.stderr).strip()
    answer = json.loads(done.stdout)
    if function != "api":
        return failures(answer), answer
    try:
        return answer["statusCode"], json.loads(answer.get("body") or "null")
    except json.JSONDecodeError:
        return answer["statusCode"], answer["body"]


def failures(answer):
    """Of a batch, how many messages have to come again; of a sweep, how many rows could not be looked at."""
    return len(answer["batchItemFailures"]) if "batchItemFailures" in answer else answer["failed"]


def at(answer, path):
    for step in path.split("."):
        answer = answer.get(step) if isinstance(answer, dict) else None
    return answer


def expectations():
    lines = (line.split("#")[0].split() for line in (HERE / "watch-events.txt").read_text().splitlines())
    return [(name, int(want), rest) for name, want, *rest in filter(None, lines)]


def send_all(port, values, folder):
    failed = 0
    for name, want, rest in expectations():
        seen, answer = invoke(port, name, substituted(name, values), folder)
        wrong = [f"{seen}, not {want}"] if seen != want else []
        for rule in rest:
            if "=" in rule:
                placeholder, path = rule.split("=")
                values[placeholder] = str(at(answer, path))
            else:
                path, value = rule.split(":")
                if at(answer, path) != value:
                    wrong.append(f"{path} is {at(answer, path)}, not {value}")
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {name} {seen}" + "".join(f"; {w}" for w in wrong), flush=True)
        if wrong:
            print(f"     {json.dumps(answer)[:600]}")
        if seen is None:
            break  # a function that cannot be called will not answer the rest either
    return failed


def main(env_file):
    variables = read_variables(Path(env_file))
    variables["MILLRACE_QUEUE_URL"] = create_queue(variables["AWS_ENDPOINT_URL_SQS"], "millrace-watched")
    values = {"provider": variables["MILLRACE_PROVIDER_URL"].rstrip("/")}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        watched = Path(folder) / "env"
        watched.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        port = free_port()
        with watching(port, str(watched), log):
            failed = send_all(port, values, folder)
        log.seek(0)
        if failed:
            print(log.read()[-6000:])
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.setdefault("CARGO_TARGET_DIR", str(HERE.parent / "target"))
    sys.exit(main(sys.argv[1]))
