#!/usr/bin/env bash
# Measures xdhcpd with Kea's perfdhcp beside Kea itself, each on the same veth pair, one after the other: a fixed
# rate for some seconds, then the highest rate without a loss, by bisection. perfdhcp runs with one thread (its
# default of two costs it a third of its rate) and tops out between 20,000 and 36,000 exchanges a second; a rate that
# it cannot send is reported as its own limit.
#
#   sudo ./bench/perfdhcp.sh [--family 4|6] [--leases TYPE] [--rate N] [--seconds N] [--drivers 'xdp packet ...']
#                            [--no-kea] [--no-search]
#
# TYPE is what DHCPv6 clients ask for: address-only (the default), prefix-only or address-and-prefix.
# Builds nothing: needs build/release and the packages of deploy/install-packages bench.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root prefix=xd-bench
readonly xdhcpd=$root/build/release/userspace/daemon/xdhcpd xdhcpctl=$root/build/release/userspace/tools/xdhcpctl
PATH=$PATH:/usr/sbin:/sbin

family=4 leases=address-only rate=20000 seconds=10 drivers='xdp' with_kea=yes search=yes
while [ $# -gt 0 ]; do
    case $1 in
    --family) family=$2 && shift ;;
    --leases) leases=$2 && shift ;;
    --rate) rate=$2 && shift ;;
    --seconds) seconds=$2 && shift ;;
    --drivers) drivers=$2 && shift ;;
    --no-kea) with_kea=no ;;
    --no-search) search=no ;;
    *)
        sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
    esac
    shift
done
case $family:$leases in
4:*) readonly steps='DORA/s' ;;
6:address-only | 6:prefix-only | 6:address-and-prefix) readonly steps='SARR/s' ;;
*) echo "perfdhcp.sh: no such family or type of lease" >&2; exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "perfdhcp.sh: needs root" >&2; exit 1; }
"$root/deploy/install-packages" bench run

state=$(mktemp -d)
server_pid=''

within() {
    local namespace=$1
    shift
    nsenter --net="/run/netns/$prefix-$namespace" -- "$@"
}

remove_network() {
    local side
    for side in s c; do
        ip netns del $prefix-$side 2>/dev/null || true
    done
}

stop_server() {
    [ -n "$server_pid" ] || return 0
    kill -TERM "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=''
}

# perfdhcp does not set its receive buffer, and loses replies of any fast server in it that were sent in a burst:
# give it (and every server measured) a larger one for the time being.
readonly buffer_setting=/proc/sys/net/core/rmem_default
old_buffer=$(cat $buffer_setting)
readonly old_buffer

cleanup() {
    stop_server
    echo "$old_buffer" >$buffer_setting
    remove_network
    rm -rf "$state"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# A new pair for each server, so that nothing of the one before it is left.
make_network() {
    remove_network
    ip netns add $prefix-s
    ip netns add $prefix-c
    ip link add srv0 netns $prefix-s type veth peer name cli0 netns $prefix-c
    within s ip link set lo up
    within s sysctl -q -w net.ipv6.conf.srv0.accept_dad=0
    within c sysctl -q -w net.ipv6.conf.cli0.accept_dad=0
    within s ip link set srv0 up
    within c ip link set cli0 up
    within s ip address add 10.64.0.1/12 dev srv0
    within c ip address add 10.64.0.2/12 dev cli0
    within s ip address add 2001:db8:64::1/64 dev srv0 nodad
    # Servers bind to their link-local address when they start, perfdhcp to its own.
    local side try
    for side in s c; do
        for ((try = 0; try < 100; try++)); do
            ! within $side ip -6 address show scope link | grep -q fe80:: || break
            sleep 0.1
        done
    done
}

# By family, for xdhcpd.
section=([4]='dhcp4:
  max-offers-per-relay: 1000000
  subnets:
    - subnet: 10.64.0.0/12
      interface: srv0
      pools: [{range: 10.65.0.0-10.79.255.254}]
      options: {routers: [10.64.0.1], domain-name-servers: [192.0.2.53]}'
[6]='dhcp6:
  max-offers-per-relay: 1000000
  delegated-routes: false
  subnets:
    - subnet: 2001:db8:64::/64
      interface: srv0
      pools: [{range: "2001:db8:64::1:0:0-2001:db8:64::1:ffff:ffff"}]
      prefix-pools: [{prefix: "2001:db8:8000::/36", delegated-length: 60}]
      options: {dns-servers: ["2001:db8::53"]}')
readonly section

start_xdhcpd() {
    make_network
    cat >"$state/xdhcpd.yaml" <<YAML
log: {level: warning}
interfaces: [{name: srv0, driver: $1}]
control-socket: $state/control.sock
durability: memory
http: off
max-leases: 1048576
${section[$family]}
YAML
    nsenter --net=/run/netns/$prefix-s -- "$xdhcpd" -c "$state/xdhcpd.yaml" >"$state/server.log" 2>&1 &
    server_pid=$!
    local try
    for ((try = 0; try < 100; try++)); do
        ! "$xdhcpctl" -s "$state/control.sock" status >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    cat "$state/server.log" >&2
    return 1
}

# Likewise for Kea.
kea=([4]='"interfaces-config": {"interfaces": ["srv0"], "dhcp-socket-type": "raw"},
  "subnet4": [{"id": 1, "subnet": "10.64.0.0/12", "interface": "srv0",
    "pools": [{"pool": "10.65.0.0-10.79.255.254"}],
    "option-data": [{"name": "routers", "data": "10.64.0.1"},
                    {"name": "domain-name-servers", "data": "192.0.2.53"}]}],'
[6]="\"data-directory\": \"$state\","'
  "interfaces-config": {"interfaces": ["srv0"]},
  "subnet6": [{"id": 1, "subnet": "2001:db8:64::/64", "interface": "srv0",
    "pools": [{"pool": "2001:db8:64::1:0:0-2001:db8:64::1:ffff:ffff"}],
    "pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 60}],
    "option-data": [{"name": "dns-servers", "data": "2001:db8::53"}]}],')
readonly kea

# start_kea true|false: with or without multi-threading; memfile without a file, its fastest.
start_kea() {
    make_network
    cat >"$state/kea.json" <<JSON
{"Dhcp$family": {
  ${kea[$family]}
  "lease-database": {"type": "memfile", "persist": false},
  "multi-threading": {"enable-multi-threading": $1},
  "control-socket": {"socket-type": "unix", "socket-name": "$state/kea.sock"},
  "valid-lifetime": 3600,
  "loggers": [{"name": "kea-dhcp$family", "severity": "WARN", "output_options": [{"output": "stdout"}]}]
}}
JSON
    KEA_PIDFILE_DIR=$state KEA_LOCKFILE_DIR=none nsenter --net=/run/netns/$prefix-s -- \
        "kea-dhcp$family" -c "$state/kea.json" >"$state/server.log" 2>&1 &
    server_pid=$!
    local try
    for ((try = 0; try < 100; try++)); do
        [ ! -S "$state/kea.sock" ] || { sleep 1; return 0; }
        sleep 0.1
    done
    cat "$state/server.log" >&2
    return 1
}

# CPU time of the server so far, in milliseconds.
server_cpu() {
    awk -v ticks="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); print int(($12 + $13) * 1000 / ticks)}' "/proc/$server_pid/stat"
}

# measure RATE SECONDS: sets exchanges, drops, delay (ms, REQUEST to ACK or Reply), cpu (us per exchange).
measure() {
    local before after how=(-4 -l 10.64.0.2) server=10.64.0.1
    [ "$family" = 4 ] || how=(-6 -l cli0 -e "$leases") server=all
    before=$(server_cpu)
    within c perfdhcp "${how[@]}" -g single -r "$1" -R 500000 -p "$2" -W 500000 $server >"$state/report" 2>&1 || true
    after=$(server_cpu)
    read -r exchanges drops delay < <(awk '
        /Statistics for: / { is_second = /REQUEST-(ACK|REPLY)/ }
        /^drops: / { drops += $2 }
        /^received packets: / && is_second { received = $3 }
        /^avg delay: / && is_second { delay = $3 }
        END { print received + 0, drops + 0, delay + 0 }' "$state/report")
    cpu=$((exchanges > 0 ? (after - before) * 1000 / exchanges : 0))
}

row() { printf '%-26s %9s %11s %8s %9s %12s\n' "$@"; }

# Highest rate at which five seconds pass without a drop. Sets best and limit ("server" or "perfdhcp").
find_best() {
    local low=0 high=0 try=5000 step
    best=0 limit=server
    for ((step = 0; step < 12; step++)); do
        measure "$try" 5
        if [ "$drops" -eq 0 ] && [ "$exchanges" -ge $((try * 5 * 95 / 100)) ]; then
            low=$try best=$((exchanges / 5))
        else
            high=$try
            if [ "$drops" -eq 0 ]; then
                limit=perfdhcp best=$((exchanges / 5 > best ? exchanges / 5 : best))
            else
                limit=server
            fi
        fi
        if [ $high -eq 0 ]; then
            try=$((low * 2))
        else
            [ $((high - low)) -gt $((high / 25)) ] || break
            try=$(((low + high) / 2))
        fi
    done
}

# bench NAME START ARGUMENT
bench() {
    local name=$1
    shift
    "$@"
    measure "$rate" "$seconds"
    local highest=- fixed=("$((exchanges / seconds))" "$drops" "$delay" "$cpu")
    if [ $search = yes ]; then
        find_best
        highest="$best"
        [ $limit = server ] || highest="$best*"
    fi
    row "$name" "${fixed[@]}" "$highest"
    stop_server
}

echo $((8 << 20)) >$buffer_setting
echo "perfdhcp at $rate exchanges/s for $seconds s; $(nproc) CPUs, $(uname -r)"
[ "$family" = 4 ] || echo "DHCPv6, $leases"
row server "$steps" drops "ack ms" "us CPU" "loss-free/s"
for driver in $drivers; do
    bench "xdhcpd $driver" start_xdhcpd "$driver"
done
if [ $with_kea = yes ]; then
    bench "Kea memfile, 1 thread" start_kea false
    bench "Kea memfile, threads" start_kea true
fi
[ $search = no ] || echo "* perfdhcp could not send faster; no loss at that rate"
