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

    def open(self, type=None, format=None, size=None, head=None, repair=None, mode=None,
             file="log", notify=True):
        body = {"file": f"{self.folder}/{file}", "linkto": "handle", "notify": notify,
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
        self.was_made = response.status == 201
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

    def alog(self, *terms):
        """Waits until the log has dealt with them."""
        records = [{"term": erlang(term)} for term in terms]
        return self.text(
            self.request("POST", "/append?durability=accepted", {"records": records}))

    def alog_terms(self, terms):
        return self.alog(*terms)

    def block(self, queues="true"):
        queues = str(queues).lower() == "true"
        return self.text(self.request("POST", "/block", {"queue_log_records": queues}))

    def unblock(self):
        return self.text(self.request("POST", "/unblock"))

    def change_header(self, head):
        body = {"head": None if head == ("head", "none") else {"term": erlang(head[1])}}
        return self.text(self.request("PATCH", "", body))

    def step(self, count, step):
        """The first item, in base64, of the file that is so many steps from behind `count` items."""
        cont = "start"
        for _ in range(count):
            page = self.request("GET", f"/chunk?as=b64&n=1&cont={cont}").json
            cont = page["cont"]
        response = self.request("GET", f"/chunk_step?cont={cont}&step={step}")
        if response.status >= 300:
            return self.text(response)
        page = self.request("GET", f"/chunk?as=b64&n=1&cont={response.json['cont']}").json
        return f'<<"{page["records"][0]["b64"]}">>' if page["records"] else "eof"

    def truncate(self, head=None):
        body = {} if head is None else {"head": {"term": erlang(head)}}
        return self.text(self.request("POST", "/truncate", body))

    def reopen(self, suffix):
        return self.text(self.request("POST", "/reopen", {"file": f"{self.folder}/log" + suffix.strip('"')}))

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


def notice(event):
    """An event as the message of the original."""
    match event.name:
        case "wrap" | "truncated": return f"{{{event.name},{event.data['no_lost_items']}}}"
        case "full": return "full"
        case "error_status":
            status = event.data["status"]
            text = "ok" if status == "ok" else "{error," + status["reason"] + "}"
            return f"{{error_status,{text}}}"
        case tag:
            items = ",".join(f'<<"{item["b64"]}">>' for item in event.data["items"])
            return f"{{{tag},[{items}]}}"


def as_size(size):
    if isinstance(size, tuple):
        return {"max_no_bytes": size[0], "max_no_files": size[1]}
    return size


def size_text(size):
    if isinstance(size, dict):
        return f"{{{size['max_no_bytes']},{size['max_no_files']}}}"
    return str(size)


class Both:
    """Does everything twice, and compares."""

    def __init__(self, real, ours):
        self.real, self.ours = real, ours
        self.type, self.format = "halt", "internal"
        self.steps = []

    def same(self, operation, wanted, got):
        self.steps.append(operation)
        if got == wanted:
            return
        if isinstance(got, dict) and isinstance(wanted, dict):
            names = [name for name in {**wanted, **got} if wanted.get(name) != got.get(name)]
            wanted, got = ({name: each.get(name) for name in names} for each in (wanted, got))
        steps = "\n".join(map(str, self.steps))
        raise AssertionError(f"{steps}\nwanted {wanted}\ngot    {got}")

    def open(self, type="halt", size=None, head=None, format="internal", **rest):
        self.type, self.format = type, format
        return self.open_with(type=type, format=format, size=size, head=head, **rest)

    def open_with(self, **options):
        """True if the log is open."""
        given = [(name, value) for name, value in options.items() if value is not None]
        wanted = self.real.result(erlang(("open", given)))
        if "repair" in options:
            options["repair"] = {"true": True, "false": False}.get(
                options["repair"], options["repair"])
        self.same(("open", given), wanted, self.ours.open(**options))
        return not wanted.startswith("{error")

    def open_repairing(self, repair):
        return self.open_with(repair=repair)

    def open_for(self, mode):
        return self.open_with(mode=mode)

    def change_files(self, change):
        """Lets `change` do something to the folder, on both sides."""
        self.steps.append(change)
        for directory in (self.real.directory, self.ours.directory):
            change(directory)

    def log(self, *terms):
        external = self.format == "external"
        name = "blog_terms" if external else "log_terms"
        wanted = self.real.result(erlang((name, list(terms))))
        self.same((name, terms), wanted, self.ours.log(*terms, external=external))

    def do(self, name, *arguments):
        wanted = self.real.result(erlang((name, *arguments)) if arguments else name)
        self.same((name, *arguments), wanted, getattr(self.ours, name)(*arguments))

    def kill(self):
        self.real.result("kill")
        self.ours.kill()
        self.steps.append("kill")

    def items(self, limit=None):
        """True if the original could be asked: some damage makes it read without end."""
        answer = self.real.do(erlang(("items", limit)) if limit else "items")["chunks"]
        chunks, end = self.ours.chunks(limit)
        if answer[-1] == "hangs":
            return False
        wanted = [(chunk["items"], chunk["bad"]) for chunk in answer[:-1]]
        if limit:
            wanted, chunks = flat(wanted), flat(chunks)
        self.same(("items", limit), (wanted, answer[-1]), (chunks, end))
        return True

    def info(self, *but):
        wanted = self.real.do("info")["info"]
        got = self.ours.info()
        for key in but:
            wanted.pop(key, None)
            got.pop(key, None)
        self.same("info", wanted, got)

    def files(self):
        self.same("files", self.real.files(), self.ours.files())

    def finish(self):
        if self.format == "internal":
            self.items()
            self.items(1)
        self.do("close")
        self.files()


def flat(chunks):
    return [item for items, _ in chunks for item in items], sum(bad for _, bad in chunks)


def padded(number, size):
    return (number, b"p" * size)
