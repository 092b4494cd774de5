// The makers of readers and writers, one file per format; for format.cc only.
#pragma once

#include <memory>

#include "lease_files/format.h"

namespace xdhcpd::lease_files {

[[nodiscard]] std::unique_ptr<Reader> make_json_reader(Receiver& receiver);
[[nodiscard]] std::unique_ptr<Writer> make_json_writer();
[[nodiscard]] std::unique_ptr<Reader> make_csv_reader(Receiver& receiver);
[[nodiscard]] std::unique_ptr<Writer> make_csv_writer();
[[nodiscard]] std::unique_ptr<Reader> make_kea_reader(Receiver& receiver);
[[nodiscard]] std::unique_ptr<Writer> make_kea_writer(WriterOptions options);
[[nodiscard]] std::unique_ptr<Reader> make_isc_reader(Receiver& receiver);
[[nodiscard]] std::unique_ptr<Writer> make_isc_writer(const WriterOptions& options);
[[nodiscard]] std::unique_ptr<Reader> make_dnsmasq_reader(Receiver& receiver);
[[nodiscard]] std::unique_ptr<Writer> make_dnsmasq_writer();

}  // namespace xdhcpd::lease_files
