"""A compressed day: three listeners behind HAProxy, on PostgreSQL with a synchronous standby.

Sends deliveries at a steady rate while processes are killed, a disk is full, clocks step, and the
listeners are upgraded. Then compares what was acknowledged with what is stored and was sent. Prints
a table, and exits with 1 if anything is lost, doubled or not sent. Takes less than ten minutes
after the builds.

Runs as root on Debian, because it mounts two small file systems. Needs the packages haproxy,
libfaketime, pgbouncer and postgresql, and the history of the repository, because it builds an
earlier release. All servers listen on 127.0.0.1.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from load import Load
from servers import DIRECTORY, NODES, Cluster, Listeners, Server, set_clock, until

ROOT = Path(__file__).resolve().parents[4]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
EARLIER = "3e0d4a1"  # Its schema has two migrations. It forwards nothing.
RATE = 40  # Deliveries a second.


async def upgrade_and_kill(cluster, listeners, load):
    load.begin("three listeners of the earlier release")
    await asyncio.sleep(25)
    load.begin("rolling upgrade, which migrates the schema")
    await listeners.upgrade()
    load.is_forwarded = True

    load.begin("SIGKILL of a listener, restart after 10 s")
    listeners.servers[0].kill()
    await asyncio.sleep(10)
    await listeners.start(0)
    await asyncio.sleep(25)

    load.begin("SIGKILL of all listeners at once, restart after 5 s")
    for server in listeners.servers:
        server.kill()
    await asyncio.sleep(5)
    await asyncio.gather(*map(listeners.start, range(3)))
    await asyncio.sleep(25)

    load.begin("SIGKILL of PgBouncer, restart after 10 s")
    cluster.pooler.kill()
    await asyncio.sleep(10)
    cluster.pooler.start()
    await asyncio.sleep(20)


async def step_clocks_and_fill_disk(cluster, load):
    load.begin("clocks: one listener 2 min ahead, another 2 min behind")
    set_clock(0, 120)
    set_clock(1, -120)
    await asyncio.sleep(35)
    load.begin("clocks step: the first back by 4 min, the other forward by 2 min")
    set_clock(0, -120)
    set_clock(1, 0)
    await asyncio.sleep(25)
    set_clock(0, 0)

    load.begin("full disk under PostgreSQL for 20 s")
    await cluster.fill_disk(20)
    await asyncio.sleep(25)


async def promote_twice(cluster, load):
    load.begin("SIGKILL of the primary, promotion of the standby after 5 s")
    cluster.nodes[cluster.primary].kill()
    await asyncio.sleep(5)
    await cluster.promote()
    await asyncio.sleep(25)
    load.begin("the old primary becomes the standby")
    await cluster.add_standby()
    await asyncio.sleep(20)

    # Without the standby no delivery may be acknowledged, or the promotion would lose it.
    load.begin("SIGKILL of the standby, restart and SIGKILL of the primary, promotion")
    cluster.nodes[cluster.standby].kill()
    await asyncio.sleep(8)
    cluster.nodes[cluster.primary].kill()
    cluster.nodes[cluster.primary].start()
    await asyncio.sleep(12)
    cluster.nodes[cluster.primary].kill()
    cluster.nodes[cluster.standby].start()
    await cluster.promote()
    await asyncio.sleep(30)
    load.begin("the old primary becomes the standby")
    await cluster.add_standby()
    await asyncio.sleep(20)


async def finish(cluster, load):
    """Waits until everything is acknowledged and sent. Returns what is stored."""
    load.begin("no new deliveries, until the outbox is empty")
    load.sender.cancel()
    await asyncio.gather(*load.tasks)
    load.phases[-1]["gap"] = 0
    is_empty = "SELECT 1 WHERE NOT EXISTS (SELECT FROM outbox WHERE state = 'waiting')"
    await until(lambda: cluster.sql(is_empty), timeout=300)
    failed = await cluster.sql("SELECT count(*) FROM outbox WHERE state = 'failed'")
    print(f"{failed} notifications have failed", file=sys.stderr)
    rows = await cluster.sql("SELECT encode(signature, 'hex'), event_id FROM deliveries")
    return [row.split("|") for row in rows.split()]


def build():
    """Returns the listeners of the earlier release and of this source."""
    earlier = TARGET / f"tawk-listener-{EARLIER}"
    command = ["cargo", "build", "--release", "-p", "tawk-listener", "--target-dir", TARGET]
    if not earlier.exists():
        source = TARGET / f"source-{EARLIER}"
        source.mkdir(parents=True, exist_ok=True)
        archive = subprocess.run(["git", "archive", EARLIER], cwd=ROOT, check=True,
                                 stdout=subprocess.PIPE)
        subprocess.run(["tar", "x", "-C", source], input=archive.stdout, check=True)
        subprocess.run(command, cwd=source, check=True)
        shutil.copy(TARGET / "release/tawk-listener", earlier)
    subprocess.run(command, cwd=ROOT, check=True)
    return earlier, TARGET / "release/tawk-listener"


async def main():
    programs = build()
    DIRECTORY.chmod(0o755)
    cluster, listeners, load = Cluster(), Listeners(*programs), Load(RATE)
    try:
        await cluster.start()
        await asyncio.gather(*map(listeners.start, range(3)))
        await listeners.start_proxy()
        await load.start()
        await upgrade_and_kill(cluster, listeners, load)
        await step_clocks_and_fill_disk(cluster, load)
        await promote_twice(cluster, load)
        is_complete = load.report(await finish(cluster, load))
    finally:
        for process in Server.started:
            process.kill()
        for name in NODES:
            subprocess.run(["umount", "--lazy", DIRECTORY / name])
    if is_complete:
        shutil.rmtree(DIRECTORY)
    return is_complete


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
