#!/usr/bin/env python3
"""MiniStack with the part of Lambda's Extensions API that the worker needs to start, which MiniStack 1.5.33 has not.

An extension that asks for no event is registered and then waits, as it does on Lambda until the environment ends. One that asks
for events is refused: there is nobody to send them. The api knows what to do then; it has no time after its answer.
"""
import json
import time
import uuid

from ministack.app import main
from ministack.core.lambda_runtime import ProvidedWorker

runtime_api = ProvidedWorker._build_handler_class


def with_extensions(worker, generation, pending):
    class Handler(runtime_api(worker, generation, pending)):
        def do_POST(self):
            if not self.path.endswith("/extension/register"):
                return super().do_POST()
            if json.loads(self._read_body())["events"]:
                return self._respond(404)
            known = {"functionName": worker.func_name, "functionVersion": "$LATEST", "handler": "bootstrap"}
            body = json.dumps(known).encode()
            self.send_response(200)
            self.send_header("Lambda-Extension-Identifier", str(uuid.uuid4()))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            if not self.path.endswith("/extension/event/next"):
                return super().do_GET()
            while not worker._stopping and generation == worker._generation:
                time.sleep(0.1)
            self._stopped()

    return Handler


if __name__ == "__main__":
    ProvidedWorker._build_handler_class = with_extensions
    main()
