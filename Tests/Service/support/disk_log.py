"""One log twice: driven through real Erlang, and through the service."""

import json
import pathlib
import re
import shutil
import subprocess

DRIVER = pathlib.Path(__file__).with_name("disk_log.escript")


class Erlang:
    """Real disk_log in a process of its own."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            ["escript", str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def do(self, operation):
        line = f'{{"{self.directory}",{operation}}}.\n'
        self.process.stdin.write(line.encode("latin-1"))
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"Erlang ended at {operation}"
        return json.loads(answer)

    def result(self, operation):
        return self.do(operation)["result"]

    def files(self):
        return files_below(self.directory)

    def clear(self):
        shutil.rmtree(self.directory)
        self.directory.mkdir()


def files_below(directory):
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def erlang(value):
    """A Python value as Erlang text: tuples, lists, bytes, numbers; strings are taken as they are."""
    if isinstance(value, tuple):
        return "{" + ",".join(map(erlang, value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(erlang, value)) + "]"
    if isinstance(value, bytes):
        return "<<" + ",".join(map(str, value)) + ">>"
    return str(value)


class Service:
    """The same operations over HTTP, with answers as Erlang would print them."""

    def __init__(self, server, name="l", folder="d"):
        self.server = server
        self.name = name
        self.folder = folder
        self.handle = None
        self.options = {}

    @property
    def directory(self):
        return self.server.data / self.folder

    @property
    def path(self):
        return f"/v1/logs/{self.name}"

    def request(self, method, path, body=None, **headers):
        if self.handle:
            headers["Log-Handle"] = self.handle
        return self.server.client.request(method, self.path + path, body, headers)

    def files(self):
        return files_below(self.directory)

    @staticmethod
    def text(response, ok="ok"):
        """What disk_log would have answered."""
        if response.status < 300:
            return ok
        problem = response.json
        reason = problem.get("reason")
        assert reason, problem
        return "{error," + re.sub(r'"[^"]*/([^"/]*)"', r'"\1"', reason) + "}"

    # Operations by their original names.

    def open(self, type=None, format=None, size=None, head=None, repair=None, mode=None):
        body = {"file": f"{self.folder}/log", "linkto": "handle", "notify": True,
                "ttl_ms": 86_400_000}
        if type:
            body["type"] = type
        if format:
            body["format"] = format
        if size is not None:
            body["size"] = as_size(size)
        if head is not None:
            body["head"] = {"text": head.decode()} if isinstance(head, bytes) else {
                "term": erlang(head)}
        if repair is not None:
            body["repair"] = repair
        if mode:
            body["mode"] = mode
        response = self.request("PUT", "", body)
        if response.status >= 300:
            return self.text(response)
        opened = response.json["open"]
        self.handle = opened["handle"]
        if opened["result"] == "repaired":
            return (f"{{repaired,l,{{recovered,{opened['recovered']}}},"
                    f"{{badbytes,{opened['badbytes']}}}}}")
        return "{ok,l}"

    def log(self, *terms, external=False):
        records = [
            {"text": term.decode()} if external else {"term": erlang(term)} for term in terms]
        return self.text(self.request("POST", "/append?atomic=false", {"records": records}))

    def truncate(self, head=None):
        body = {} if head is None else {"head": {"term": erlang(head)}}
        return self.text(self.request("POST", "/truncate", body))

    def reopen(self, suffix):
        return self.text(self.request("POST", "/reopen", {"file": f"{self.folder}/log{suffix}"}))

    def change_size(self, size):
        return self.text(self.request("PATCH", "", {"size": as_size(size)}))

    def inc_wrap_file(self):
        return self.text(self.request("POST", "/inc_wrap_file"))

    def sync(self):
        return self.text(self.request("POST", "/sync"))

    def close(self):
        answer = self.text(self.request("POST", "/close"))
        self.handle = None
        return answer

    def remove(self):
        """Makes room for the next sequence."""
        self.handle = None
        self.request("DELETE", "")
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self):
        self.server.restart(kill=True)
        self.handle = None

    def chunks(self, limit=None):
        """All chunks as lists of base64 and counts of bad bytes, and how it ended."""
        cont, chunks = "start", []
        for _ in range(20_000):
            query = f"?as=b64&cont={cont}" + (f"&n={limit}" if limit else "")
            response = self.request("GET", "/chunk" + query)
            if response.status >= 300:
                return chunks, self.text(response)
            page = response.json
            if page["eof"]:
                return chunks, "eof"
            chunks.append(([record["b64"] for record in page["records"]], page["badbytes"]))
            cont = page["cont"]
        return chunks, "endless"

    def info(self):
        item = self.request("POST", "/info").json
        info = {"size": size_text(item["size"])}
        for key in ("items", "users", "full", "no_written_items", "no_current_bytes",
                    "no_current_items", "no_items", "current_file", "type", "format", "mode"):
            if key in item:
                value = item[key]
                info[key] = str(value).lower() if isinstance(value, bool) else str(value)
        if "no_overflows" in item:
            overflows = item["no_overflows"]
            info["no_overflows"] = (
                f"{{{overflows['since_opened']},{overflows['since_last_info']}}}")
        return info


def as_size(size):
    if isinstance(size, tuple):
        return {"max_no_bytes": size[0], "max_no_files": size[1]}
    return size


def size_text(size):
    if isinstance(size, dict):
        return f"{{{size['max_no_bytes']},{size['max_no_files']}}}"
    return str(size)
