"""A steady load of DHCPDISCOVERs on a raw socket, and what became of each: for events on a link under load.

Each DISCOVER has its own transaction id and a client of a small set, so that a pool is never the limit. A request is
lost when no reply came; the time without service is the longest gap between two requests that were answered."""

import errno
import socket
import struct
import threading
import time

ETH_P_ALL = 0x0003


def discover_frame(client, xid):
    mac = bytes([0x02, 0x00, 0x5E]) + client.to_bytes(3, "big")
    bootp = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, xid, 0, 0x8000, 0, 0, 0, 0) + mac + bytes(10 + 64 + 128)
    payload = (bootp + bytes.fromhex("63825363") + b"\x35\x01\x01\x37\x02\x01\x03\xff").ljust(300, b"\0")
    udp = struct.pack("!HHHH", 68, 67, 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0, 0xFFFFFFFF)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    header = header[:10] + struct.pack("!H", ~total & 0xFFFF) + header[12:]
    return b"\xff" * 6 + mac + b"\x08\x00" + header + udp


class Load:
    """Sends `rate` DISCOVERs a second from `interface` of `namespace` until stop(). The interface may go and come
    back meanwhile; what cannot be sent counts as lost, as it is for the client."""

    def __init__(self, namespace, interface, rate=500, clients=64):
        self.namespace, self.interface, self.rate, self.clients = namespace, interface, rate, clients
        self.sent = {}  # xid: time
        self.answered = {}  # xid: time of the first reply
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def _open(self):
        try:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sock.bind((self.interface, ETH_P_ALL))
            sock.setblocking(False)
            return sock
        except OSError:
            return None

    def _run(self):
        with self.namespace.inside():
            sock, xid = None, 1
            started = time.monotonic()
            linger = None
            while True:
                now = time.monotonic()
                if self._stop.is_set():
                    linger = linger or now + 0.3
                    if now > linger:
                        break
                if sock is None:
                    sock = self._open()
                # One that is due while nothing can be sent is lost, not late.
                while linger is None and started + xid / self.rate <= now:
                    self.sent[xid] = started + xid / self.rate
                    try:
                        if sock is not None:
                            sock.send(discover_frame(xid % self.clients, xid))
                    except OSError as error:
                        if error.errno in (errno.ENXIO, errno.ENODEV):
                            sock.close()
                            sock = None
                    xid += 1
                sock = self._receive(sock)
                time.sleep(0.0005)
            if sock is not None:
                sock.close()

    def _receive(self, sock):
        while sock is not None:
            try:
                frame = sock.recv(2048)
            except BlockingIOError:
                return sock
            except OSError:  # ENETDOWN, once; if the interface is gone, sending says so
                return sock
            if len(frame) > 282 and frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[42] == 2:
                self.answered.setdefault(struct.unpack("!I", frame[46:50])[0], time.monotonic())
        return None

    def answered_since(self, moment):
        """How many of the requests sent after `moment` have been answered."""
        return sum(1 for xid in list(self.answered) if self.sent.get(xid, 0) > moment)

    def stop(self):
        self._stop.set()
        self._thread.join(timeout=10)
        return self

    @property
    def lost(self):
        return len(self.sent) - len(self.answered)

    def without_service(self):
        """Seconds between the last request answered before the longest run of lost ones and the first after it."""
        longest, previous = 0.0, None
        for xid, moment in sorted(self.sent.items()):
            if xid in self.answered:
                if previous is not None:
                    longest = max(longest, moment - previous)
                previous = moment
        return max(0.0, longest - 1 / self.rate)
