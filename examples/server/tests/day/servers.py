"""The servers of the day: PostgreSQL with a standby, PgBouncer, HAProxy and three listeners."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PORT = 21000  # HAProxy. The listeners are on the next three.
RECEIVER, POOLER, NODES = PORT + 4, PORT + 5, {"a": PORT + 6, "b": PORT + 7}
SECRET = b"5e3a1c7f9024d86b" * 6

DIRECTORY = Path(tempfile.mkdtemp(prefix="tawk-day-"))
DISK = "384M"  # The file system of each node.
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[-2]))
# PostgreSQL and PgBouncer do not run as root.
USER = pwd.getpwnam("postgres")
AS_USER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


async def run(*command):
    """Runs a command, and returns its output."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *map(str, command), stdout=pipe, stderr=pipe, cwd="/")
    output, error = await process.communicate()
    if process.returncode:
        raise OSError(f"{command}: {error.decode()}")
    return output.decode().strip()


async def until(condition, timeout=60):
    """Waits until an asynchronous function returns a true value without an error."""
    error, end = "", time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            if await condition():
                return
        except OSError as failed:
            error = failed
        await asyncio.sleep(0.2)
    raise TimeoutError(f"timed out after {timeout} s: {error}; see {DIRECTORY}")


async def post(request, port=PORT):
    """Returns the response to a request, or nothing if it fails. Tawk.to waits for 30 s."""
    writer = None
    try:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            return await reader.read()
    except (OSError, TimeoutError):
        return b""
    finally:
        if writer:
            writer.close()


class Server:
    """A process that is killed and started again."""

    started = []

    def __init__(self, name, *command, **environment):
        self.name, self.command, self.environment = name, list(map(str, command)), environment

    def start(self):
        with open(DIRECTORY / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=DIRECTORY,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C", **self.environment})
        Server.started.append(self.process)

    def kill(self):
        """Sends SIGKILL to the process and its children, as if the machine was lost."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for pid in [pid, *map(int, children)]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


class Cluster:
    """Two nodes of PostgreSQL, each on a small file system, and PgBouncer."""

    def __init__(self):
        self.primary, self.standby, self.nodes = "a", "b", {}
        for name, port in NODES.items():
            disk = DIRECTORY / name
            disk.mkdir()
            options = f"size={DISK},mode=700,uid={USER.pw_uid},gid={USER.pw_gid}"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "day", disk], check=True)
            self.nodes[name] = Server(
                f"postgres-{name}", *AS_USER, PROGRAMS / "postgres", "-D", disk / "data", "-p",
                port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c",
                "max_wal_size=64MB", "-c", "max_connections=200")
        self.pooler = Server(
            "pgbouncer", *AS_USER, shutil.which("pgbouncer"), DIRECTORY / "pgbouncer.ini")

    async def sql(self, statement, database="tawk"):
        return await run(PROGRAMS / "psql", "-XAtq", "-h", "127.0.0.1", "-p", NODES[self.primary],
                         "-U", "postgres", "-d", database, "-c", statement)

    async def start(self):
        await run(*AS_USER, PROGRAMS / "initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8",
                  "--locale=C", "--wal-segsize=1", "-D", DIRECTORY / "a/data")
        self.nodes["a"].start()
        await until(lambda: self.sql("SELECT 1", database="postgres"))
        await self.sql("CREATE DATABASE tawk", database="postgres")
        await self.add_standby()
        self.route_pooler()
        self.pooler.start()

    async def add_standby(self):
        """Builds the standby anew. From then on, commits wait for it."""
        data = DIRECTORY / self.standby / "data"
        shutil.rmtree(data, ignore_errors=True)
        source = f"host=127.0.0.1 port={NODES[self.primary]} user=postgres"
        await run(*AS_USER, PROGRAMS / "pg_basebackup", "-R", "-c", "fast", "-D", data, "-d",
                  f"{source} application_name=standby")
        self.nodes[self.standby].start()
        await until(lambda: self.sql("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming' "
                                     "AND application_name = 'standby'"))
        await self.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        await self.sql("SELECT pg_reload_conf()")

    async def promote(self):
        """Makes the standby the primary, which has no standby then."""
        self.primary, self.standby = self.standby, self.primary
        data = DIRECTORY / self.primary / "data"
        await until(lambda: run(*AS_USER, PROGRAMS / "pg_ctl", "promote", "-D", data))
        await self.sql("ALTER SYSTEM RESET synchronous_standby_names")
        await self.sql("SELECT pg_reload_conf()")
        self.route_pooler()
        self.pooler.process.send_signal(signal.SIGHUP)

    def route_pooler(self):
        (DIRECTORY / "pgbouncer.ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={NODES[self.primary]} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {POOLER}\nauth_type = any\n"
            "unix_socket_dir =\npool_mode = transaction\ndefault_pool_size = 10\n"
            "ignore_startup_parameters = extra_float_digits\n")

    async def fill_disk(self, seconds):
        """Leaves no space to the primary. If it has exited, it is started afterwards."""
        file, end = DIRECTORY / self.primary / "fill", time.monotonic() + seconds
        with open(file, "wb", buffering=0) as filler:
            while time.monotonic() < end:
                try:
                    filler.write(bytes(1 << 20))
                except OSError:
                    await asyncio.sleep(0.1)
        file.unlink()
        if self.nodes[self.primary].process.poll() is not None:
            self.nodes[self.primary].start()


class Listeners:
    """Three listeners behind HAProxy. Two connect to PostgreSQL, the third through PgBouncer."""

    def __init__(self, earlier, current):
        nodes = ",".join(f"127.0.0.1:{port}" for port in NODES.values())
        urls = [f"{nodes}/tawk?target_session_attrs=read-write"] * 2 + [f"127.0.0.1:{POOLER}/tawk"]
        self.current = [server(index, current, url) for index, url in enumerate(urls)]
        # The earlier release knows neither several hosts nor poolers.
        only = f"127.0.0.1:{NODES['a']}/tawk"
        self.servers = [server(index, earlier, only) for index in range(3)]
        config = DIRECTORY / "haproxy.cfg"
        config.write_text(
            "defaults\nmode http\ntimeout connect 1s\ntimeout client 60s\ntimeout server 60s\n"
            f"option redispatch\nretries 3\nlisten day\nbind 127.0.0.1:{PORT}\n"
            "option httpchk GET /readyz\ndefault-server check inter 500ms fall 2 rise 1\n"
            + "".join(f"server {n} 127.0.0.1:{PORT + n}\n" for n in (1, 2, 3)))
        self.proxy = Server("haproxy", shutil.which("haproxy"), "-db", "-f", config)

    async def start(self, index):
        self.servers[index].start()
        await until(lambda: is_ready(PORT + 1 + index))

    async def start_proxy(self):
        self.proxy.start()
        await until(lambda: is_ready(PORT))

    async def upgrade(self):
        for index, current in enumerate(self.current):
            process, self.servers[index] = self.servers[index].process, current
            process.terminate()
            await asyncio.to_thread(process.wait, 20)
            await self.start(index)
            await asyncio.sleep(8)


async def is_ready(port):
    request = b"GET /readyz HTTP/1.1\r\nHost: day\r\nConnection: close\r\n\r\n"
    return b" 200 OK" in await post(request, port)


def server(index, program, database):
    set_clock(index, 0)
    receiver = f"http://127.0.0.1:{RECEIVER}"
    return Server(
        f"listener-{index + 1}", program, PORT=str(PORT + 1 + index), TAWK_LOG="summary",
        DATABASE_URL=f"postgres://postgres@{database}", TAWK_WEBHOOK_SECRET=SECRET.decode(),
        NOTIFY_ON="agent-reply,chat-start,chat-end,transcript,ticket", RUST_LOG="warn",
        NOTIFY_URL=f"{receiver}/notify", FORWARD_URL=f"{receiver}/forward",
        FORWARD_SECRET="whsec_" + "A" * 32, FAKETIME_DONT_FAKE_MONOTONIC="1",
        LD_PRELOAD="/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        FAKETIME_TIMESTAMP_FILE=str(DIRECTORY / f"clock-{index}"), FAKETIME_CACHE_DURATION="1")


def set_clock(index, seconds):
    (DIRECTORY / f"clock-{index}").write_text(f"{seconds:+}")
