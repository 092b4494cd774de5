"""DHCPv4 frames made and taken apart with scapy, the oracle that shares no code with the server.

`request()` builds a whole Ethernet frame; `Wire` sends it from the client's side and returns `Reply` objects.
Options are (code, bytes) pairs, so that a test says exactly what is on the wire.
"""

import ctypes
import socket
import struct
import time

from scapy.config import conf
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

conf.verb = 0

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)

SUBNET_MASK, ROUTERS, DNS, HOSTNAME, DOMAIN_NAME = 1, 3, 6, 12, 15
REQUESTED, LEASE_TIME, OVERLOAD, TYPE, SERVER_ID, PARAMETERS = 50, 51, 52, 53, 54, 55
MESSAGE, MAX_SIZE, T1, T2, CLIENT_ID, RELAY_INFO, SUBNET_SELECTION = 56, 57, 58, 59, 61, 82, 118
RAPID_COMMIT = 80

BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"
BROADCAST_IP = "255.255.255.255"
BROADCAST_FLAG = 0x8000
MAGIC = b"\x63\x82\x53\x63"
REPLY_TIMEOUT = 3.0  # seconds; a machine with two busy cores and sanitizers

SO_ATTACH_FILTER = 26


def ip4(text):
    return socket.inet_aton(text)


def ip4_text(value):
    return socket.inet_ntoa(value)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def u32(value):
    return struct.pack("!I", value)


def sub_options(*pairs):
    """Relay agent sub-options (RFC 3046) as bytes."""
    return b"".join(bytes((code, len(value))) + value for code, value in pairs)


def encode_options(options, end=True):
    """Options as bytes, those over 255 bytes split as RFC 3396 says; a bare int is one byte (PAD)."""
    out = b""
    for option in options:
        if isinstance(option, int):
            out += bytes((option,))
            continue
        code, value = option
        for start in range(0, max(len(value), 1), 255):
            part = value[start : start + 255]
            out += bytes((code, len(part))) + part
    return out + (b"\xff" if end else b"")


def request(
    message_type,
    mac,
    xid,
    options=(),
    *,
    ciaddr="0.0.0.0",
    giaddr="0.0.0.0",
    flags=0,
    hops=0,
    secs=0,
    op=1,
    htype=1,
    hlen=6,
    chaddr=None,
    sname=b"",
    file=b"",
    magic=MAGIC,
    end=True,
    raw_options=None,
    source_ip="0.0.0.0",
    destination_ip=BROADCAST_IP,
    source_mac=None,
    destination_mac=BROADCAST_MAC,
    source_port=68,
    destination_port=67,
    ip_fields=None,
    udp_fields=None,
    payload_length=None,
):
    """A frame as a client (or, with giaddr, a relay) sends it. `raw_options` replaces options byte for byte."""
    if raw_options is None:
        first = [] if message_type is None else [(TYPE, bytes((message_type,)))]
        raw_options = encode_options(first + list(options), end)
    bootp = BOOTP(
        op=op,
        htype=htype,
        hlen=hlen,
        hops=hops,
        xid=xid,
        secs=secs,
        flags=flags,
        ciaddr=ciaddr,
        giaddr=giaddr,
        chaddr=mac_bytes(mac) if chaddr is None else chaddr,
        sname=sname,
        file=file,
        options=magic,
    )
    payload = bytes(bootp) + raw_options
    payload = payload.ljust(300, b"\0") if payload_length is None else payload[:payload_length]
    return bytes(
        Ether(src=source_mac or mac, dst=destination_mac)
        / IP(src=source_ip, dst=destination_ip, ttl=64, **(ip_fields or {}))
        / UDP(sport=source_port, dport=destination_port, **(udp_fields or {}))
        / Raw(payload)
    )


def walk_options(area):
    """(code, bytes) pairs of one option field in order, PAD left out, up to END. Raises on a bad length."""
    found, at = [], 0
    while at < len(area):
        code = area[at]
        at += 1
        if code == 0:
            continue
        if code == 255:
            return found, at
        length = area[at]
        value = area[at + 1 : at + 1 + length]
        assert len(value) == length, f"option {code} runs over the end of the field"
        found.append((code, value))
        at += 1 + length
    raise AssertionError("option field without END")


class Reply:
    """A DHCP message from the server: the frame, scapy's view of it, and its options in wire order."""

    def __init__(self, frame):
        self.frame = frame
        self.scapy = Ether(frame)
        self.ether, self.ip, self.udp = self.scapy[Ether], self.scapy[IP], self.scapy[UDP]
        header_len = 14 + 4 * self.ip.ihl + 8
        self.payload = frame[header_len : header_len + self.udp.len - 8]
        self.bootp = self.scapy[BOOTP]
        assert self.payload[236:240] == MAGIC
        self.raw_options, used = walk_options(self.payload[240:])
        self.padding = self.payload[240 + used :]
        overload = dict(self.raw_options).get(OVERLOAD, b"\0")[0]
        if overload & 1:
            self.raw_options += walk_options(self.payload[108:236])[0]
        if overload & 2:
            self.raw_options += walk_options(self.payload[44:108])[0]
        self.options = {}
        for code, value in self.raw_options:
            self.options[code] = self.options.get(code, b"") + value
        self.type = self.options[TYPE][0]

    # Header fields (RFC 2131 figure 1) as text or numbers.
    xid = property(lambda self: self.bootp.xid)
    flags = property(lambda self: struct.unpack_from("!H", self.payload, 10)[0])
    ciaddr = property(lambda self: ip4_text(self.payload[12:16]))
    yiaddr = property(lambda self: ip4_text(self.payload[16:20]))
    siaddr = property(lambda self: ip4_text(self.payload[20:24]))
    giaddr = property(lambda self: ip4_text(self.payload[24:28]))
    chaddr = property(lambda self: self.payload[28:44])
    sname = property(lambda self: self.payload[44:108])
    file = property(lambda self: self.payload[108:236])
    codes = property(lambda self: [code for code, _ in self.raw_options])

    def number(self, code):
        return int.from_bytes(self.options[code], "big")

    def address(self, code):
        return ip4_text(self.options[code])

    def check_wire(self, offloaded=False):
        """What holds for every reply: scapy agrees with the lengths, the checksums and the message type.

        `offloaded`: the kernel's stack sent it and left the UDP checksum to a card that is not there.
        """
        assert self.bootp.op == 2
        seen = {option[0]: option[1:] for option in self.scapy[DHCP].options if isinstance(option, tuple)}
        assert seen["message-type"] == (self.type,)
        rebuilt = Ether(self.frame[: 14 + self.ip.len])
        del rebuilt[IP].chksum
        del rebuilt[UDP].chksum
        del rebuilt[IP].len
        del rebuilt[UDP].len
        again = Ether(bytes(rebuilt))
        assert again[IP].len == self.ip.len and again[UDP].len == self.udp.len
        assert again[IP].chksum == self.ip.chksum, "IP checksum"
        if not offloaded:
            assert self.udp.chksum == again[UDP].chksum, "UDP checksum"
        assert len(self.payload) >= 300, "BOOTP minimum (RFC 1542 section 2.1)"
        assert not any(self.padding), "bytes after END are zero"

    def __repr__(self):
        return f"Reply(type={self.type} yiaddr={self.yiaddr} to {self.ether.dst} {self.ip.dst}:{self.udp.dport})"


class Wire:
    """The client's end of a link: sends frames and sorts the server's replies by transaction id."""

    def __init__(self, namespace, interface):
        with namespace.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            # udp and source port 67: what else is on the link (ARP, the requests themselves) stays out.
            code = [
                (0x28, 0, 0, 12), (0x15, 0, 5, 0x0800), (0x30, 0, 0, 23), (0x15, 0, 3, 17),
                (0x28, 0, 0, 34), (0x15, 0, 1, 67), (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0),
            ]  # fmt: skip
            filters = b"".join(struct.pack("HBBI", *entry) for entry in code)
            self._filter_memory = bytearray(filters)
            address = (bytes_address(self._filter_memory),)
            self._socket.setsockopt(
                socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxP", len(code), *address)
            )
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            self._socket.bind((interface, 0x0003))
            # The kernel beside us must not answer "port unreachable" to what is addressed to it.
            self._sinks = []
            for port in (67, 68):
                sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
                sink.bind(("0.0.0.0", port))
                self._sinks.append(sink)
        self._waiting = {}

    def close(self):
        for one in (self._socket, *self._sinks):
            one.close()

    def send(self, frame):
        self._socket.send(frame)

    def _receive(self, timeout):
        """Takes one frame off the socket; True when there was one."""
        self._socket.settimeout(max(timeout, 0.001))
        try:
            frame, origin = self._socket.recvfrom(65536)
        except TimeoutError:
            return False
        if origin[2] != socket.PACKET_OUTGOING and len(frame) > 282 and frame[42] == 2:
            reply = Reply(frame)
            self._waiting.setdefault(reply.xid, []).append(reply)
        return True

    def replies(self, xid, timeout=REPLY_TIMEOUT, count=1):
        """Up to `count` replies with this transaction id, as soon as they are there."""
        deadline = time.monotonic() + timeout
        while len(self._waiting.get(xid, [])) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            self._receive(left)
        return self._waiting.pop(xid, [])

    def drain(self):
        """Takes everything off the socket that is there now; replies keep waiting for their owner."""
        while self._receive(0.001):
            pass

    def exchange(self, frame, xid, timeout=REPLY_TIMEOUT):
        """Sends a request and returns its reply; None after `timeout`."""
        self.send(frame)
        found = self.replies(xid, timeout)
        return found[0] if found else None


def bytes_address(memory):
    """Address of a bytearray's contents, for a structure that the kernel reads."""
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))
