#!/usr/bin/env python3
"""Deploys the stack to MiniStack, an emulator of AWS on loopback, with the commands that README.md gives, and runs a flow in it.

usage: emulator.py FUNCTIONS MILLRACE PYTHON
FUNCTIONS holds api/bootstrap, worker/bootstrap and sweeper/bootstrap for this machine, MILLRACE is the command, PYTHON one that
has MiniStack. `sam`, `aws` and `cargo lambda` are found in PATH. One stack comes by `sam deploy` with the HTTP API, one by
infra/deploy.sh with a Function URL. The emulator expands the template itself, with SAM's own library, and starts the functions
as processes. Ends with 1 at the first thing that is not as it should be, and tells what the emulator said.
"""
import http.client
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
EVENTS = ROOT / "events"
ADDRESS, NAME, REGION = "127.0.0.1", "localhost", "us-east-1"
PROVIDER = "http://127.0.0.1:7861"  # what stands for the provider's address in the payloads
FUNCTIONS = {"Api": "api", "Worker": "worker", "Sweeper": "sweeper"}
KEPT = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key"}  # what outlives a stack
# CloudFormation turns numbers into texts and texts into numbers as a property wants them; MiniStack leaves them as they stand.
NUMBERS = [("MaximumConcurrency: !Ref WorkerMaxConcurrency", "MaximumConcurrency: 50"), (r"SyncSeconds: (\d+)", r'SyncSeconds: "\1"')]
ANSWER = "It turns the wheel."
DONE = {"SUCCESS", "FAILURE"}
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]


class Model(BaseHTTPRequestHandler):
    """A provider that has one answer."""

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.calls += 1
        message = {"role": "assistant", "content": ANSWER}
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = {"id": "one", "object": "chat.completion", "created": 0, "model": "gpt-4o", "choices": [choice], "usage": usage}
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


@contextmanager
def provider():
    server = ThreadingHTTPServer((ADDRESS, 0), Model)
    server.calls = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


def free_port():
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        return listener.getsockname()[1]


@contextmanager
def emulator(python, scratch):
    """Its address. It and the functions that it starts end with the block."""
    port = free_port()
    names = {"BIND_HOST": ADDRESS, "MINISTACK_HOST": NAME, "GATEWAY_PORT": str(port), "MINISTACK_REGION": REGION}
    # The functions are started with its variables, so it gets no others than they may see.
    names |= {"HOME": str(scratch), "TMPDIR": str(scratch), "STATE_DIR": str(scratch / "state"), "S3_DATA_DIR": str(scratch / "s3")}
    names |= {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": f"http://{ADDRESS}:{port}"}
    with (scratch / "ministack.log").open("wb") as log:
        process = subprocess.Popen([python, HERE / "emulator_server.py"], env=names, stdout=log, stderr=subprocess.STDOUT, cwd=scratch)
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex((ADDRESS, port)) == 0:
                    break
            if process.poll() is not None:
                raise Wrong("the emulator did not start")
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Wrong(Exception):
    """Something is not as it should be."""


def expect(what, holds, seen=""):
    if not holds:
        raise Wrong(f"{what}: {seen}")
    print(f"ok   {what}" + (f": {seen}" if seen != "" else ""), flush=True)


class Cloud:
    """The emulator as the commands and this script see it."""

    def __init__(self, port, scratch):
        self.port, self.scratch = port, scratch
        endpoint = f"http://{ADDRESS}:{port}"
        # Credentials of nobody: they sign, and mean nothing.
        credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MILLRACE_", "SAM_"))}
        files = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "__SAM_CLI_APP_DIR": str(scratch / "sam")}
        offline = {"SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true"} | files
        self.variables = inherited | credentials | offline | {"AWS_ENDPOINT_URL": endpoint}
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self.client = lambda service: boto3.client(service, region_name=REGION, endpoint_url=endpoint, **keys)

    def run(self, *command, cwd, shown=8, seconds=300):
        """What it printed. The last lines are shown, as a reader of README.md would see them."""
        print("$ " + " ".join(map(str, command)), flush=True)
        done = subprocess.run(command, cwd=cwd, env=self.variables, capture_output=True, text=True, timeout=seconds)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip() and "Uploading to" not in line]
        for line in lines[-shown:] if shown else []:
            print(f"     {line.strip()[:150]}", flush=True)
        if done.returncode != 0:
            raise Wrong(f"{command[0]} ended with {done.returncode}")
        return done.stdout

    def resources(self, stack):
        described = self.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        return {r["LogicalResourceId"]: r for r in described}

    def outputs(self, stack):
        (described,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        expect(f"{stack}: deployed", described["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), described["StackStatus"])
        return {o["OutputKey"]: o["OutputValue"] for o in described["Outputs"]}

    def call(self, host, method, path, key=None, body=None):
        """A request as the front gets it: to loopback, under the name that the output gives."""
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=120)
        headers = {"host": f"{host}:{self.port}", "content-type": "application/json"} | ({"x-api-key": key} if key else {})
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status >= 400:
            raise Wrong(f"{method} {path} answered {response.status} {text[:300]!r}")
        return json.loads(text)


def project(functions, scratch):
    """What is deployed, laid out as `cargo lambda build --release` leaves it."""
    folder = scratch / "project"
    (folder / "infra").mkdir(parents=True)
    for name in ("infra/template.yaml", "infra/deploy.sh", "samconfig.toml"):
        shutil.copy(ROOT / name, folder / name)
    template = folder / "infra/template.yaml"
    text, left_out = without_metric_math(template.read_text())
    for pattern, number in NUMBERS:
        text = re.sub(pattern, number, text)
    template.write_text(text)
    print("what MiniStack 1.5.33 lacks, and is written otherwise here alone:")
    print(f"     alarms over metric math, left out: {', '.join(left_out) or 'none'}")
    print("     a number by parameter where it wants one (MaximumConcurrency), a text where a map has a number (SyncSeconds)")
    print("     Lambda's Extensions API, added as far as the worker needs it (emulator_server.py)", flush=True)
    for name in FUNCTIONS.values():
        (folder / "target/lambda" / name).mkdir(parents=True)
        shutil.copy(functions / name / "bootstrap", folder / "target/lambda" / name / "bootstrap")
    return folder


def without_metric_math(text):
    """The template without the alarms that are expressions, and their names. The check of the template has judged them."""
    blocks = re.findall(r"^  (\w+):\n((?:(?:    .*)?\n)+)", text, re.MULTILINE)
    names = [name for name, block in blocks if "AWS::CloudWatch::Alarm" in block and "\n      Metrics:" in block]
    for name in names:
        text = re.sub(rf"^  {name}:\n(?:(?:    .*)?\n)+", "", text, flags=re.MULTILINE)
    return text, names


def flow(model):
    event = json.loads((EVENTS / "api-flows-create.json").read_text())
    return json.loads(event["body"].replace(PROVIDER, f"http://{ADDRESS}:{model.server_port}"))


def host_of(outputs):
    """The name in the address. The emulator knows an HTTP API under its own name instead of AWS's."""
    host = re.match(r"https://([^/]+)", outputs["ApiUrl"])[1]
    return re.sub(r"^(\w+\.execute-api)\..*", rf"\1.{NAME}", host)


def use(cloud, stack, outputs, millrace, model):
    """What a first user does: a key, a flow, a run that is waited for, one that is polled."""
    host = host_of(outputs)
    # Not /health, which the emulator answers itself.
    version = cloud.call(host, "GET", "/api/v1/version")
    expect(f"{stack}: GET /api/v1/version", "version" in version, json.dumps(version))
    create = (millrace, "key", "create", "--tenant", "my-team", "--table", outputs["TableName"])
    key = cloud.run(*create, cwd=cloud.scratch, shown=0).strip()
    expect(f"{stack}: a key is made in the table", len(key) > 20, f"{key[:6]}…")
    made = cloud.call(host, "POST", "/api/v1/flows/", key, flow(model))
    before = model.calls
    run = f"/api/v1/process/{made['id']}"
    answer = cloud.call(host, "POST", run, key, {"inputs": {"text": "What does a millrace do?"}, "sync": True})
    expect(f"{stack}: a run that is waited for", ANSWER in json.dumps(answer["result"]), json.dumps(answer["result"])[:120])
    task = cloud.call(host, "POST", run, key, {"inputs": {"text": "And a mill?"}, "sync": False})["task"]["id"]
    for polls in range(1, 121):
        seen = cloud.call(host, "GET", f"/api/v1/task/{task}", key)
        if seen["status"] in DONE:
            break
        time.sleep(0.5)
    done = seen["status"] == "SUCCESS" and ANSWER in json.dumps(seen["result"])
    expect(f"{stack}: a run that is polled", done, f"{seen['status']} after {polls} polls")
    expect(f"{stack}: the provider was called once for each", model.calls - before == 2, model.calls - before)
    expect(f"{stack}: the task tells its usage", bool(seen.get("usage")), json.dumps(seen.get("usage")))
    return key


def by_itself(cloud, stack):
    """What Lambda is called with by others than the front."""
    names = {logical: cloud.resources(stack)[logical]["PhysicalResourceId"] for logical in FUNCTIONS}
    invoke = lambda name, event: cloud.client("lambda").invoke(FunctionName=names[name], Payload=(EVENTS / event).read_bytes())
    for name, event in (("Sweeper", "sweeper-schedule.json"), ("Worker", "sqs-unknown-task.json"), ("Api", "api-health.json")):
        answer = invoke(name, event)
        text = answer["Payload"].read().decode()
        expect(f"{stack}: {name} invoked with {event}", answer["StatusCode"] == 200 and "FunctionError" not in answer, text[:120])
    groups = [g["logGroupName"] for g in cloud.client("logs").describe_log_groups()["logGroups"]]
    lines = [e["message"] for g in groups if stack in g for e in cloud.client("logs").filter_log_events(logGroupName=g)["events"]]
    metrics = [json.loads(line) for line in lines if line.startswith('{"') and '"_aws"' in line]
    ended = [m for m in metrics if m.get("Tasks")]
    seen = f"{len(metrics)} lines of {len(lines)} in {', '.join(g for g in groups if stack in g)}"
    expect(f"{stack}: the log tells of both tasks as metrics", [m["State"] for m in ended] == ["succeeded"] * 2, seen)


def update_one(cloud, stack, folder):
    """`cargo lambda deploy` puts new code into a function and leaves what the template has set."""
    name = cloud.resources(stack)["Worker"]["PhysicalResourceId"]
    read = lambda: cloud.client("lambda").get_function_configuration(FunctionName=name)
    kept = ("Environment", "MemorySize", "Timeout", "Role", "TracingConfig", "Architectures", "Runtime", "Handler", "LoggingConfig")
    before = read()
    # From a folder of its own, since it leaves a zip beside the program.
    shutil.copytree(folder / "target/lambda/worker", cloud.scratch / "zip/worker")
    cloud.run("cargo", "lambda", "deploy", name, "--binary-name", "worker", "--lambda-dir", cloud.scratch / "zip", cwd=ROOT)
    after = read()
    changed = [part for part in kept if before.get(part) != after.get(part)]
    seen = ", ".join(f"{part} {before.get(part)} became {after.get(part)}" for part in changed)
    expect(f"{stack}: cargo lambda deploy keeps the configuration", not changed, seen or ", ".join(kept))


def remove(cloud, stack):
    resources = cloud.resources(stack)
    names = {r["ResourceType"]: r["PhysicalResourceId"] for r in resources.values() if r["ResourceType"] in KEPT}
    cloud.run("aws", "cloudformation", "delete-stack", "--stack-name", stack, cwd=cloud.scratch)
    cloud.run("aws", "cloudformation", "wait", "stack-delete-complete", "--stack-name", stack, cwd=cloud.scratch)
    cloud.client("dynamodb").describe_table(TableName=names["AWS::DynamoDB::Table"])
    cloud.client("s3").head_bucket(Bucket=names["AWS::S3::Bucket"])
    cloud.client("kms").describe_key(KeyId=names["AWS::KMS::Key"])
    left = [f for f in cloud.client("lambda").list_functions()["Functions"] if f["FunctionName"].startswith(f"{stack}-")]
    expect(f"{stack}: removed, but for table, bucket and key", not left, ", ".join(sorted(names)))


def walk_through(cloud, functions, millrace):
    folder = project(functions, cloud.scratch)
    with provider() as model:
        parameters = [f"Architecture={ARCHITECTURE}", f"AllowHosts={ADDRESS}:{model.server_port}"]
        cloud.run("sam", "deploy", "--parameter-overrides", *parameters, cwd=folder)
        outputs, resources = cloud.outputs("millrace"), cloud.resources("millrace")
        states = sorted({r["ResourceStatus"] for r in resources.values()})
        print(f"     {len(resources)} resources, {', '.join(states)}: {', '.join(sorted(resources))}")
        use(cloud, "millrace", outputs, millrace, model)
        by_itself(cloud, "millrace")
        update_one(cloud, "millrace", folder)
        other = ["Front=FunctionUrl", "AlarmEmail=someone@example.com", "Tracing=Active"]
        cloud.run("infra/deploy.sh", "--stack", "other", *parameters, *other, cwd=folder)
        use(cloud, "other", cloud.outputs("other"), millrace, model)
        remove(cloud, "other")
        remove(cloud, "millrace")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    # Not resolved: a Python of an environment is a link.
    functions, millrace, python = (Path(argument).absolute() for argument in sys.argv[1:])
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        try:
            with emulator(python, scratch) as port:
                walk_through(Cloud(port, scratch), functions, millrace)
        except (Wrong, OSError, subprocess.TimeoutExpired) as wrong:
            print(f"FAIL {wrong}\n---- what the emulator said last")
            print("\n".join((scratch / "ministack.log").read_text(errors="replace").splitlines()[-40:]))
            return 1
    print("the stack runs in the emulator")
    return 0


if __name__ == "__main__":
    sys.exit(main())
