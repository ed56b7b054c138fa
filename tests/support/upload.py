"""Uploads a run folder with the tracker's own tool to a server in this process, and prints what arrived as JSON.

    python upload.py wandb|swanlab|clearml COMMAND...

COMMAND is what the program said; its executable is taken from beside this Python. Printed are the project, the name and
the configuration of the run, its rows (one a step), single values of load points, files and the state it ended in.
"""

import base64
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "0123456789012345678901234567890123456789"


class Tracker:
    """What arrived, and what the server answers."""

    def __init__(self):
        self.got = {"rows": {}, "single": {}, "files": [], "config": {}, "state": None}

    def row(self, step, key, value):
        self.got["rows"].setdefault(step, {})[key] = value


class Wandb(Tracker):
    def env(self, url):
        return {"WANDB_BASE_URL": url, "WANDB_API_KEY": "local-" + KEY, "WANDB_ERROR_REPORTING": "false"}

    def answer(self, path, body, url):
        if path == "/graphql":
            asked = json.loads(body)
            return 200, {"data": self.graphql(asked["query"], asked.get("variables") or {}, url)}
        if path.startswith("/upload/"):
            self.got["files"].append(path.removeprefix("/upload/"))
        if path.endswith("/file_stream"):
            self.stream(json.loads(body))
        return 200, {}

    def graphql(self, query, asked, url):
        if "upsertBucket" in query:
            self.got["project"] = asked["project"]
            self.got["name"] = asked.get("displayName") or self.got.get("name")
            self.got["entity"] = asked.get("entity")
            config = json.loads(asked.get("config") or "{}")
            self.got["config"].update({key: item["value"] for key, item in config.items() if key != "_wandb"})
            entity = {"id": "e", "name": asked.get("entity") or "me"}
            project = {"id": "p", "name": asked["project"], "entity": entity}
            bucket = {"id": "r", "name": asked["name"], "displayName": asked.get("displayName"), "config": "{}"}
            bucket.update({"description": "", "sweepName": None, "historyLineCount": 0, "project": project})
            return {"upsertBucket": {"bucket": bucket, "inserted": True}}
        if "createRunFiles" in query:
            files = [{"name": name, "uploadUrl": f"{url}/upload/{name}"} for name in asked["files"]]
            return {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}
        if "viewer" in query:
            return {"viewer": {"id": "u", "username": "me", "entity": "me", "flags": "{}", "teams": {"edges": []}}}
        return {}

    def stream(self, body):
        files = body.get("files") or {}
        for line in files.get("wandb-history.jsonl", {}).get("content", []):
            for key, value in json.loads(line).items():
                self.row(json.loads(line)["_step"], key, value)
        for line in files.get("wandb-summary.json", {}).get("content", []):
            self.got["single"].update({key: value for key, value in json.loads(line).items() if "/" in key})
        if body.get("complete"):
            self.got["state"] = body.get("exitcode")


class Swanlab(Tracker):
    def env(self, url):
        return {"SWANLAB_API_HOST": url, "SWANLAB_API_KEY": KEY[:21]}

    def answer(self, path, body, url):
        if path == "/api/login/api_key":
            return 200, {"sid": "s", "expiredAt": "2100-01-01T00:00:00.000Z", "userInfo": {"username": "me"}}
        if path.startswith("/api/project/me/") and path.count("/") == 4:
            name = path.rsplit("/", 1)[-1]
            self.got["project"] = name
            project = {"cuid": "p", "name": name, "username": "me", "path": f"/me/{name}", "version": 1}
            return 200, {**project, "group": {"username": "me"}, "_count": {"experiments": 0}}
        if path.startswith("/upload/"):
            return 200, {}
        asked = json.loads(body or b"{}")
        if path.endswith("/files/prepare"):
            names = [file["path"] if "path" in file else file["name"] for file in asked["files"]]
            self.got["files"].extend(names)
            return 200, {"urls": [f"{url}/upload/{name}" for name in names]}
        if path.endswith("/experiment"):
            self.got["name"] = asked["name"]
            return 201, {"cuid": "e", "name": asked["name"], "slug": "e", "createdAt": "2026-01-01T00:00:00.000Z"}
        if path.endswith("/profile") and "config" in asked:
            self.got["config"] = {key: item["value"] for key, item in asked["config"].items()}
        if path.endswith("/profile"):
            self.got["files"].extend(asked)
        if path == "/api/house/metrics" and asked["type"] == "scalar":
            for metric in asked["metrics"]:
                if "/" in metric["key"].split(" (")[0]:
                    self.got["single"][f"{metric['index']}/{metric['key']}"] = metric["data"]
                else:
                    self.row(metric["index"], metric["key"], metric["data"])
        if path.endswith("/state"):
            self.got["state"] = asked["state"]
        return 200, {}


class Clearml(Tracker):
    def __init__(self):
        super().__init__()
        now = "2026-01-01T00:00:00+00:00"
        self.task = {"id": "t", "name": "t", "status": "created", "project": "p", "type": "testing", "created": now}
        self.task.update({"script": {}, "execution": {"parameters": {}, "artifacts": []}, "hyperparams": {}})
        self.task.update({"tags": [], "system_tags": [], "user": "u", "company": "c", "output": {}, "runtime": {}})
        self.task.update({"configuration": {}, "last_update": now, "status_changed": now})

    def env(self, url):
        hosts = {f"CLEARML_{kind}_HOST": url for kind in ("API", "WEB", "FILES")}
        return {**hosts, "CLEARML_API_ACCESS_KEY": "k", "CLEARML_API_SECRET_KEY": "s"}

    def answer(self, path, body, url):
        name = path.rsplit("/", 1)[-1]
        endpoint = {"name": name, "requested_version": "2.30", "actual_version": "2.30"}
        meta = {"id": "1", "trx": "1", "endpoint": endpoint, "result_code": 200, "result_subcode": 0}
        return 200, {"meta": {**meta, "result_msg": "OK", "error_stack": ""}, "data": self.data(name, body)}

    def data(self, name, body):
        if name == "auth.login":
            return {"token": self.token()}
        if name == "events.add_batch":
            events = [json.loads(line) for line in body.decode().splitlines() if line]
            for event in events:
                if event["type"] != "training_stats_scalar":
                    continue
                if event["metric"] == "Summary":
                    self.got["single"][event["variant"]] = event["value"]
                else:
                    self.got["title"] = event["metric"]
                    self.row(event["iter"], event["variant"], event["value"])
            return {"added": len(events), "errors": 0, "errors_info": {}}
        asked = json.loads(body or b"{}")
        if name == "projects.create":
            self.got["project"] = asked["name"]
            return {"id": "p"}
        if name == "tasks.create":
            self.got["name"] = asked["name"]
            return {"id": "t"}
        if name == "tasks.edit":
            self.task.update({key: value for key, value in asked.items() if key != "task"})
            if "hyperparams" in asked:
                general = asked["hyperparams"]["General"]
                self.got["config"] = {key: item["value"] for key, item in general.items()}
            self.got["tags"] = self.task["tags"]
            return {"updated": 1, "fields": {}}
        if name == "tasks.completed":
            self.got["state"] = "completed"
            return {"updated": 1, "fields": {}}
        listed = {"projects": [], "tasks": [self.task]}
        return {"task": self.task, "project": {"id": "p", "name": "p"}, "updated": 1, "fields": {}, **listed}

    @staticmethod
    def token():
        def part(of):
            return base64.urlsafe_b64encode(json.dumps(of).encode()).rstrip(b"=").decode()

        claims = {"exp": int(time.time()) + 9999, "api_version": "2.30", "server_version": "2.0.0"}
        claims.update({"feature_set": "basic", "identity": {"user": "u", "company": "c"}})
        return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}.AAAA"


def main():
    tracker = {"wandb": Wandb, "swanlab": Swanlab, "clearml": Clearml}[sys.argv[1]]()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def respond(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            with lock:
                status, answer = tracker.answer(self.path.split("?")[0], body, url)
            answer = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_DELETE = respond

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # A tool that ends resets connections that it kept.
    server.handle_error = lambda *_: None
    url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as home:
        tool = pathlib.Path(sys.executable).parent / sys.argv[2]
        # wandb keeps logs of its own in the folder that it works in, unless it is given one.
        env = {"PATH": os.environ.get("PATH", ""), "HOME": home, "WANDB_DIR": home, **tracker.env(url)}
        ended = subprocess.run([tool, *sys.argv[3:]], env=env, capture_output=True, text=True, timeout=120)
    if ended.returncode != 0:
        sys.exit(f"{sys.argv[2:]} ended with {ended.returncode}: {ended.stdout}\n{ended.stderr}")
    tracker.got["rows"] = [tracker.got["rows"][step] for step in sorted(tracker.got["rows"])]
    tracker.got["said"] = ended.stdout + ended.stderr
    print(json.dumps(tracker.got))


main()
