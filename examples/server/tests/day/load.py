"""Sends deliveries as Tawk.to does, and receives what the listeners send."""

import asyncio
import hashlib
import hmac
import json
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path

from servers import RECEIVER, SECRET, post

SAMPLES = Path(__file__).resolve().parents[3] / "payloads"
CHAT = re.compile("[0-9a-f]{8}-0000-11ef-8000-000000000000")
RETRY = 2  # Seconds. Tawk.to waits for longer.


def sign(body):
    return hmac.new(SECRET, body, hashlib.sha1).hexdigest()


class Load:
    def __init__(self, rate):
        self.rate, self.deliveries, self.by_chat, self.tasks = rate, {}, {}, set()
        self.phases, self.is_forwarded = [], False
        self.samples = [path.read_bytes() for path in sorted(SAMPLES.glob("*.json"))]

    async def start(self):
        self.receiver = await asyncio.start_server(self.receive, "127.0.0.1", RECEIVER)
        self.begun = self.last = time.monotonic()
        self.sender = asyncio.create_task(self.send_all())

    def begin(self, event):
        """Begins a phase, which is a row of the table."""
        self.end()
        at = time.monotonic() - self.begun
        self.phases.append({"at": at, "event": event, "retries": 0, "gap": 0.0})
        print(f"{at:5.0f} s  {event}", file=sys.stderr, flush=True)

    def end(self):
        if self.phases:
            since = max(self.last, self.begun + self.phases[-1]["at"])
            self.phases[-1]["gap"] = max(self.phases[-1]["gap"], time.monotonic() - since)

    async def send_all(self):
        for number in range(1 << 32):
            await asyncio.sleep(self.begun + number / self.rate - time.monotonic())
            task = asyncio.create_task(self.deliver(number))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def deliver(self, number):
        """Sends a delivery. One of ten is sent twice at once, and one of ten again later."""
        chat = f"{number:08x}-0000-11ef-8000-000000000000"
        body = self.samples[number % len(self.samples)]
        event = json.loads(body)
        sample = event.get("chatId") or (event.get("chat") or event["ticket"])["id"]
        body = body.replace(sample.encode(), chat.encode())
        delivery = {"number": number, "phase": None, "is_forgotten": False, "notified": [],
                    "forwarded": [], "is_forwarded": self.is_forwarded}
        self.deliveries[sign(body)] = self.by_chat[chat] = delivery
        copies = 2 if number % 10 == 5 else 1
        await asyncio.gather(*[self.attempt(delivery, body) for _ in range(copies)])
        if number % 10 == 0:
            await asyncio.sleep(20 * random.random())
            response = await self.attempt(delivery, body)
            delivery["is_forgotten"] = b'"duplicate":true' not in response

    async def attempt(self, delivery, body):
        """Sends a delivery until it is acknowledged."""
        request = (f"POST /tawk-webhook HTTP/1.1\r\nHost: day\r\nConnection: close\r\n"
                   f"Content-Type: application/json\r\nX-Tawk-Signature: {sign(body)}\r\n"
                   f"X-Hook-Event-Id: {delivery['number']}\r\nContent-Length: {len(body)}\r\n\r\n")
        while b"HTTP/1.1 200 " not in (response := await post(request.encode() + body)):
            self.phases[-1]["retries"] += 1
            await asyncio.sleep(RETRY * (0.5 + random.random()))
        phase, now = self.phases[-1], time.monotonic()
        phase["gap"], self.last = max(phase["gap"], now - self.last), now
        delivery["phase"] = delivery["phase"] or phase
        return response

    async def receive(self, reader, writer):
        """Serves a connection of a listener. A hundredth of the requests fails."""
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode().lower():
                headers = dict(re.findall(r"(?m)^([\w-]+): (.*)\r$", head))
                body = await reader.readexactly(int(headers["content-length"]))
                fails = random.random() < 0.01
                if not fails and head.startswith("post /notify "):
                    chat = CHAT.search(body.decode())[0]
                    self.by_chat[chat]["notified"].append(headers.get("idempotency-key"))
                elif not fails:
                    self.deliveries[sign(body)]["forwarded"].append(headers["webhook-id"])
                status = "503 Service Unavailable" if fails else "200 OK"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok".encode())
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    def report(self, rows):
        """Prints the table. Returns whether nothing is lost, doubled or unsent."""
        columns = ["acknowledged", "retries", "lost", "doubled", "unsent", "again"]
        for phase in self.phases:
            phase.update({column: phase.get(column, 0) for column in columns})
        stored, numbers = (Counter(column) for column in zip(*rows))
        for signature, delivery in self.deliveries.items():
            phase, sent = delivery["phase"], [delivery["notified"]]
            if delivery["is_forwarded"] or delivery["forwarded"]:
                sent.append(delivery["forwarded"])
            phase["acknowledged"] += 1
            phase["lost"] += signature not in stored or delivery["is_forgotten"]
            phase["doubled"] += stored[signature] > 1 or numbers[str(delivery["number"])] > 1
            # A receiver could not recognize these as duplicates.
            phase["doubled"] += sum(len(set(copies)) > 1 for copies in sent)
            phase["unsent"] += sum(not copies for copies in sent)
            phase["again"] += sum(len(copies) - 1 for copies in sent if copies)
        print("| time | event | acknowledged | retries | longest gap | lost | doubled | not sent |"
              " sent again |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        total = {column: sum(phase[column] for phase in self.phases) for column in columns}
        total |= {"at": time.monotonic() - self.begun, "event": "**total**",
                  "gap": max(phase["gap"] for phase in self.phases)}
        for row in [*self.phases, total]:
            print("| {time} | {event} | {acknowledged} | {retries} | {longest} | {lost} |"
                  " {doubled} | {unsent} | {again} |"
                  .format(time="{}:{:02}".format(*divmod(int(row["at"]), 60)),
                          longest=f"{row['gap']:.1f} s" if row["gap"] else "", **row))
        return total["lost"] + total["doubled"] + total["unsent"] == 0
