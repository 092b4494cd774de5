"""One server and one client side, joined by a veth pair, with every route that lets all four drivers answer
whatever address a test makes up."""

import zlib

from support import dhcp
from support.dhcp import BROADCAST_IP, BROADCAST_MAC, Wire, request
from support.netns import Namespace, veth
from support.server import Server, configuration

SERVER_INTERFACE, CLIENT_INTERFACE = "srv0", "cli0"
SERVER_MAC, RELAY_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:fe"
SERVER_IP = "10.77.0.1"
FENCE_MAC = "02:00:5e:00:53:0f"


class Testbed:
    """A driver under test. `ask` and its kin send from the client side; every reply is checked and recorded."""

    __test__ = False

    def __init__(self, driver, directory, subnets, local=(), serve=True, **dhcp4):
        self.driver = driver
        self.recorded = []
        self._name, self._macs, self._xids = "", 0, 0
        self.server_ns = Namespace(f"s-{driver}")
        self.client_ns = Namespace(f"c-{driver}")
        self.server = self.wire = None
        try:
            veth(self.server_ns, SERVER_INTERFACE, self.client_ns, CLIENT_INTERFACE, SERVER_MAC, "02:00:5e:00:53:02")
            for namespace in (self.server_ns, self.client_ns):
                for scope in ("all", "default"):
                    namespace.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
            self.server_ns.sysctl(f"net.ipv4.conf.{SERVER_INTERFACE}.rp_filter", 0)
            self.server_ns.run("ip", "address", "add", f"{SERVER_IP}/24", "dev", SERVER_INTERFACE)
            self.server_ns.run("ip", "route", "add", "default", "dev", SERVER_INTERFACE)
            for address in local:
                self.server_ns.run("ip", "address", "add", f"{address}/32", "dev", "lo")
            # Every address is the client side's own: its kernel answers ARP for all of them, also when the
            # server asks, whose address is one of them.
            self.client_ns.run("ip", "route", "add", "local", "default", "dev", "lo")
            self.client_ns.sysctl(f"net.ipv4.conf.{CLIENT_INTERFACE}.accept_local", 1)
            self.wire = Wire(self.client_ns, CLIENT_INTERFACE)
            config = configuration(SERVER_INTERFACE, driver, subnets, directory, **dhcp4)
            self.server = Server(self.server_ns, directory, config)
            if serve:
                self.server.start()
        except BaseException:
            self.close(check=False)
            raise

    def close(self, check=True):
        try:
            if check and self.server is not None:
                self.server.stop()
        finally:
            if self.server is not None:
                self.server.kill()
            if self.wire is not None:
                self.wire.close()
            self.server_ns.close()
            self.client_ns.close()

    # Identities: the same for a test on every driver, different between tests.

    def begin(self, name):
        self._name, self._macs, self._xids, self.recorded = name, 0, 0, []

    def mac(self):
        self._macs += 1
        mark = zlib.crc32(self._name.encode())
        return "02:" + ":".join(f"{byte:02x}" for byte in mark.to_bytes(4, "big")) + f":{self._macs:02x}"

    def xid(self):
        self._xids += 1
        return (zlib.crc32(self._name.encode()) & 0xFFFF0000) | self._xids

    # Frames.

    def frame(self, message_type, mac, options=(), *, via=None, unicast_from=None, xid=None, **fields):
        """(frame, xid). `via`: relayed by that giaddr. `unicast_from`: sent by a client that has this address."""
        xid = self.xid() if xid is None else xid
        if via is not None:
            fields = {
                "giaddr": via,
                "hops": 1,
                "source_ip": via,
                "destination_ip": SERVER_IP,
                "source_mac": RELAY_MAC,
                "destination_mac": SERVER_MAC,
                "source_port": 67,
                **fields,
            }
        if unicast_from is not None:
            fields = {
                "source_ip": unicast_from,
                "destination_ip": SERVER_IP,
                "destination_mac": SERVER_MAC,
                **fields,
            }
        return request(message_type, mac, xid, options, **fields), xid

    def check(self, reply):
        reply.check_wire(offloaded=self.driver == "udp")
        self.recorded.append(reply.payload)
        return reply

    def ask(self, message_type, mac, options=(), expect=None, **fields):
        """Sends a request that must be answered, with a message of type `expect` if that is given."""
        frame, xid = self.frame(message_type, mac, options, **fields)
        reply = self.wire.exchange(frame, xid)
        assert reply is not None, f"no reply; drops: {self.server.dropped()}; {self.explained(mac)}"
        self.check(reply)
        assert expect is None or reply.type == expect, reply
        return reply

    def explained(self, mac):
        return self.server.ask("explain", hw_address=mac).get("drops", [])[:2]

    def fence(self):
        """Returns when everything sent so far has been dealt with: the server answers in order."""
        frame, xid = self.frame(dhcp.DISCOVER, FENCE_MAC)
        assert self.wire.exchange(frame, xid) is not None, "server no longer answers"

    def silent(self, message_type, mac, options=(), **fields):
        """Sends a request that must get no answer; returns the drop reasons that went up because of it."""
        frame, xid = self.frame(message_type, mac, options, **fields)
        return self.silent_frame(frame, xid)

    def silent_frame(self, frame, xid):
        before = self.server.dropped()
        self.wire.send(frame)
        self.fence()
        assert not self.wire.replies(xid, timeout=0.02), "answered, expected silence"
        after = self.server.dropped()
        return {reason: count - before.get(reason, 0) for reason, count in after.items() if count != before.get(reason, 0)}

    # Whole exchanges.

    def offer(self, mac, options=(), **fields):
        return self.ask(dhcp.DISCOVER, mac, options, expect=dhcp.OFFER, **fields)

    def select(self, mac, offer, options=(), **fields):
        chosen = [(dhcp.REQUESTED, dhcp.ip4(offer.yiaddr)), (dhcp.SERVER_ID, offer.options[dhcp.SERVER_ID])]
        rest = [option for option in options if option[0] != dhcp.REQUESTED]
        return self.ask(dhcp.REQUEST, mac, chosen + rest, **fields)

    def lease(self, mac, options=(), **fields):
        """DISCOVER to ACK; returns the ACK."""
        ack = self.select(mac, self.offer(mac, options, **fields), options, **fields)
        assert ack.type == dhcp.ACK, ack
        return ack

    # Addressing (RFC 2131 section 4.1).

    def sent_to(self, reply, mac, address, port=68):
        assert (reply.ip.dst, reply.udp.dport) == (address, port), reply
        if self.driver != "udp" or mac == BROADCAST_MAC:
            assert reply.ether.dst == mac, reply

    def sent_to_unconfigured(self, reply, mac):
        """Unicast to chaddr and yiaddr; the udp driver cannot and broadcasts."""
        if self.driver == "udp":
            self.sent_to(reply, BROADCAST_MAC, BROADCAST_IP)
        else:
            self.sent_to(reply, mac, reply.yiaddr)

    def sent_to_relay(self, reply, giaddr):
        self.sent_to(reply, RELAY_MAC, giaddr, 67)
