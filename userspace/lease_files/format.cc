#include "lease_files/format.h"

#include <algorithm>
#include <utility>

#include "lease_files/formats.h"

namespace xdhcpd::lease_files {

std::optional<Format> parse_format(std::string_view name) noexcept {
    const auto* const found = std::find(kFormatNames.begin(), kFormatNames.end(), name);
    if (found == kFormatNames.end()) {
        return std::nullopt;
    }
    return static_cast<Format>(found - kFormatNames.begin());
}

std::optional<Format> detect(std::string_view line) {
    const auto has_column = [line](std::string_view name) {
        return ("," + std::string{line} + ",").find("," + std::string{name} + ",") !=
               std::string::npos;
    };
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    if (line.starts_with("{")) {
        return Format::kJson;
    }
    if (has_column("address")) {
        return has_column("valid_lifetime") ? Format::kKea : Format::kCsv;
    }
    if (line.starts_with("#") || line.starts_with("authoring-byte-order") || word == "lease" ||
        word == "server-duid" || word == "failover" || word == "ia-na" || word == "ia-ta" ||
        word == "ia-pd" || word == "default-duid") {
        return Format::kIsc;
    }
    const bool is_time = !word.empty() && std::all_of(word.begin(), word.end(),
                                                      [](char c) { return '0' <= c && c <= '9'; });
    if ((is_time && word.size() < line.size()) || word == "duid") {
        return Format::kDnsmasq;
    }
    return std::nullopt;
}

std::unique_ptr<Reader> make_reader(Format format, Receiver& receiver) {
    switch (format) {
        case Format::kJson:
            return make_json_reader(receiver);
        case Format::kCsv:
            return make_csv_reader(receiver);
        case Format::kKea:
            return make_kea_reader(receiver);
        case Format::kIsc:
            return make_isc_reader(receiver);
        case Format::kDnsmasq:
            break;
    }
    return make_dnsmasq_reader(receiver);
}

std::unique_ptr<Writer> make_writer(Format format, WriterOptions options) {
    switch (format) {
        case Format::kJson:
            return make_json_writer();
        case Format::kCsv:
            return make_csv_writer();
        case Format::kKea:
            return make_kea_writer(std::move(options));
        case Format::kIsc:
            return make_isc_writer(options);
        case Format::kDnsmasq:
            break;
    }
    return make_dnsmasq_writer();
}

}  // namespace xdhcpd::lease_files
