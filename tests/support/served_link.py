"""A server's namespace and its clients', joined by srv0 and cli0; frames by a raw socket at cli0."""

from support.netns import Namespace, veth
from support.vlan import TaggedWire

SERVER, CLIENT = "srv0", "cli0"
SERVER_MAC, CLIENT_MAC = "02:00:5e:00:53:01", "02:00:5e:00:53:02"


class ServedLink:
    """A test that derives from it prepares the server's side and sets `server`; with close() all of it is gone."""

    def __init__(self, name):
        self.server = self.wire = None
        self.server_ns, self.client_ns = Namespace(f"s-{name}"), Namespace(f"c-{name}")
        try:
            veth(self.server_ns, SERVER, self.client_ns, CLIENT, SERVER_MAC, CLIENT_MAC)
            self.wire = TaggedWire(self.client_ns, CLIENT)
            self.prepare()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        raise NotImplementedError

    def add_ipv6(self, *addresses):
        """Of the server's end, and no others: /64, usable at once."""
        self.server_ns.run("ip", "link", "set", SERVER, "addrgenmode", "none")
        self.server_ns.sysctl(f"net.ipv6.conf.{SERVER}.disable_ipv6", 0)
        for address in addresses:
            self.server_ns.run("ip", "address", "add", f"{address}/64", "dev", SERVER, "nodad")

    def close(self):
        try:
            if self.server is not None:
                self.server.kill()
            if self.wire is not None:
                self.wire.close()
        finally:
            self.server_ns.close()
            self.client_ns.close()
