"""Tagged DHCP clients on one end of a veth pair, their tags in the frame or in metadata, as a VLAN interface
there or a NIC would put them."""

import contextlib
import socket
import struct
import time

from support.dhcp import Reply, request
from support.netns import sh

SOL_PACKET, PACKET_AUXDATA = 263, 8
TP_STATUS_VLAN_VALID = 1 << 4
VLAN, QINQ = 0x8100, 0x88A8

TAGGER = """
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
SEC("tc") int tagger(struct __sk_buff *skb)
{{
	bpf_skb_vlan_push(skb, bpf_htons({tpid}), {tci});
	return 0;
}}
char _license[] SEC("license") = "GPL";
"""


def put_tags(frame, tags):
    """The frame with (TPID, TCI) pairs behind its addresses, outer first."""
    return frame[:12] + b"".join(struct.pack("!HH", *tag) for tag in tags) + frame[12:]


def take_tags(frame):
    """(frame without its tags, tags)."""
    tags = []
    while struct.unpack_from("!H", frame, 12)[0] in (VLAN, QINQ):
        tags.append(struct.unpack_from("!HH", frame, 12))
        frame = frame[:12] + frame[16:]
    return frame, tags


@contextlib.contextmanager
def metadata_tag(namespace, interface, tag, directory):
    """Whatever leaves the interface within the block gets this tag, in metadata."""
    source, program = directory / "tagger.c", directory / "tagger.o"
    source.write_text(TAGGER.format(tpid=tag[0], tci=tag[1]), encoding="utf-8")
    multiarch = sh("gcc-12", "-print-multiarch").strip()
    sh("clang-14", "-O2", "-g", "-target", "bpf", f"-I/usr/include/{multiarch}", "-c", str(source), "-o", str(program))
    namespace.run("tc", "qdisc", "add", "dev", interface, "clsact")
    try:
        command = ["tc", "filter", "add", "dev", interface, "egress"]
        namespace.run(*command, "bpf", "direct-action", "object-file", str(program), "section", "tc")
        yield
    finally:
        namespace.run("tc", "qdisc", "del", "dev", interface, "clsact")


class TaggedWire:
    """A raw socket that sees the tags of what it receives, wherever the kernel keeps them."""

    def __init__(self, namespace, interface):
        with namespace.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self._socket.bind((interface, 0x0003))

    def close(self):
        self._socket.close()

    def send(self, frame):
        self._socket.send(frame)

    def receive(self, timeout):
        """The next frame that came from the other side, its tags put back; None after `timeout`."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                frame, control, _, origin = self._socket.recvmsg(65536, 256)
            except TimeoutError:
                break
            if origin[2] == socket.PACKET_OUTGOING:
                continue
            for level, kind, data in control:
                status, *_, tci, tpid = struct.unpack("IIIHHHH", data[:20])
                if (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and status & TP_STATUS_VLAN_VALID:
                    frame = put_tags(frame, [(tpid, tci)])
            return frame
        return None

    def exchange(self, frame, xid, timeout=3.0):
        """(reply, its tags), or (None, None)."""
        self.send(frame)
        return self.await_reply(xid, timeout)

    def await_reply(self, xid, timeout):
        """Likewise, without sending anything."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            received = self.receive(left)
            if received is None:
                break
            bare, tags = take_tags(received)
            if len(bare) > 282 and bare[12:14] == b"\x08\0" and bare[23] == 17 and bare[36:38] == b"\0\x44":
                reply = Reply(bare)
                if reply.xid == xid:
                    return reply, tags
        return None, None


def tagged_request(message_type, mac, xid, tags, options=(), **fields):
    return put_tags(request(message_type, mac, xid, options, **fields), tags)
