"""What Router Advertisements said is on disk: what is removed by a reload or while the server is down is taken back."""

import pytest
from support.netns import veth
from support.server import Server, configuration

SUBNET = {"subnet": "10.77.0.0/24", "interface": "srv0", "pools": [{"range": "10.77.0.10-10.77.0.250"}]}


def advertising(tmp_path, *prefixes):
    config = configuration("srv0", "packet", [SUBNET], tmp_path)
    config["router-advertisements"] = [
        {"interface": "srv0", "prefixes": [{"prefix": prefix} for prefix in prefixes]},
    ]
    return config


@pytest.mark.rfc("9096 3.5")
def test_removed_prefixes_are_taken_back(namespaces, tmp_path):
    server_ns, client_ns = namespaces("srv"), namespaces("cli")
    veth(server_ns, "srv0", client_ns, "cli0")
    server_ns.run("ip", "address", "add", "10.77.0.1/24", "dev", "srv0")
    path = tmp_path / "state" / "advertised"
    first, second, third = (f"2001:db8:{number}::/64" for number in (1, 2, 3))

    def ends():
        """The instants until when prefixes are taken back, 0 for those that are advertised."""
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        return {words[3]: int(words[7]) for words in lines if words[0] == "prefix"}

    with Server(server_ns, tmp_path, advertising(tmp_path, first, second, third)) as server:
        assert ends() == {first: 0, second: 0, third: 0}
        server.write(advertising(tmp_path, first, second))
        assert server.ask("reload")["ok"]
        assert f"prefix {third} is not advertised any more; it is taken back for 7200 s" in server.log()
        after_reload = ends()
        assert after_reload[third] > 0 and after_reload[second] == 0

    with Server(server_ns, tmp_path, advertising(tmp_path, first)) as server:
        assert server.log().count(f"prefix {second} is not advertised any more") == 1
        assert ends()[third] == after_reload[third], "the time goes on"
        assert ends()[second] >= after_reload[third]
