// The page of metrics.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "control/control.h"
#include "unit/control/lab.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(Metrics, HaveTheNamesOfTheContract) {
    Lab lab;
    lab.lease(nth(0), {1});
    lab.discover(2);
    lab.discover(3, Ipv4{0xac100001});
    lab.inject(as_bytes("no frame"));
    const std::string text = lab.control().metrics_text();
    for (const char* const line :
         {"xdhcpd_build_info{version=\"" XDHCPD_VERSION "\"} 1\n",
          "xdhcpd_received_total{protocol=\"none\",type=\"unreadable\"} 1\n",
          "xdhcpd_received_total{protocol=\"dhcp4\",type=\"discover\"} 2\n",
          "xdhcpd_sent_total{protocol=\"dhcp4\",type=\"offer\"} 1\n",
          "xdhcpd_dropped_total{stage=\"engine\",reason=\"no-subnet\"} 1\n",
          "xdhcpd_dropped_total{stage=\"engine\",reason=\"no-free-address\"} 0\n",
          "xdhcpd_xdp_verdicts_total{interface=\"eth1\",verdict=\"redirected\"} 7\n",
          "xdhcpd_port_rx_frames_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 3\n",
          "xdhcpd_port_tx_frames_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 1\n",
          "xdhcpd_port_kernel_drops_total{interface=\"eth1\",queue=\"0\",driver=\"memory\",reason="
          "\"rx_ring_full\"} "
          "5\n",
          "xdhcpd_port_rx_truncated_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 0\n",
          "xdhcpd_port_tx_no_frame_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 0\n",
          "xdhcpd_port_kick_retries_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 0\n",
          "xdhcpd_port_tx_errors_total{interface=\"eth1\",queue=\"0\",driver=\"memory\"} 0\n",
          "xdhcpd_space_units{family=\"ipv4\",subnet=\"192.0.2.0/24\",state=\"size\"} 256\n",
          "xdhcpd_space_units{family=\"ipv4\",subnet=\"192.0.2.0/24\",state=\"pool\"} 51\n",
          "xdhcpd_space_units{family=\"ipv4\",subnet=\"192.0.2.0/24\",state=\"free\"} 49\n",
          "xdhcpd_space_units{family=\"ipv4\",subnet=\"192.0.2.0/24\",state=\"offered\"} 1\n",
          "xdhcpd_space_units{family=\"ipv4\",subnet=\"192.0.2.0/24\",state=\"leased\"} 1\n",
          "xdhcpd_space_units{family=\"ipv4\",subnet=\"192.0.2.0/24\",state=\"declined\"} 0\n",
          "xdhcpd_reply_latency_seconds_bucket{le=\"+Inf\"} 1\n",
          "xdhcpd_reply_latency_seconds_count 1\n",
          "xdhcpd_index_entries 2\n",
          "xdhcpd_side_bytes 0\n",
          "xdhcpd_uptime_seconds 0\n",
          "xdhcpd_reloads_total{result=\"ok\"} 0\n"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
}

TEST(Metrics, CanBeReadWhileWorkersServeAndControlReloads) {
    Lab lab{2};
    std::atomic<bool> done{false};
    std::atomic<std::size_t> scrapes{0};
    std::thread scraper{[&] {
        while (!done) {
            EXPECT_THAT(lab.control().metrics_text(), HasSubstr("xdhcpd_build_info"));
            static_cast<void>(lab.control().health());
            ++scrapes;
        }
    }};
    for (std::uint32_t i = 0; i < 30 || scrapes < 5; ++i) {
        lab.discover(i % 40);
        if (i % 5 == 0) {
            lab.configure(with("192.0.2.10-192.0.2.60",
                               i % 10 == 0 ? "192.0.2.10-192.0.2.61" : "192.0.2.10-192.0.2.62"));
            EXPECT_TRUE(lab.control().reload(false).ok);
        }
        lab.control().tick();
        EXPECT_EQ(lab.ask({{"command", "leases"}})["ok"], true);
        const json status = lab.ask({{"command", "status"}});
        EXPECT_EQ(status["received"].get<int>(), status["answered"].get<int>() +
                                                     status["explained"].get<int>() +
                                                     status["in_flight"].get<int>());
    }
    done = true;
    scraper.join();
}

}  // namespace
}  // namespace xdhcpd::control
