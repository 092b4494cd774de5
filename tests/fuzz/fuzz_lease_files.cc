// Reads any bytes as each kind of lease file: every lease is as check() wants it, every place lies
// in the file, and what a format writes of it is read again as the same, as far as the format has
// words.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "lease_files/format.h"
#include "lease_files/json.h"

using namespace xdhcpd;
using namespace xdhcpd::lease_files;

namespace {

class Collector final : public Receiver {
  public:
    explicit Collector(std::size_t line_count) : line_count_{line_count} {}
    void on_entry(const Entry& entry, Place place) override {
        XD_ASSERT(check(entry).empty());
        check_place(place);
        entries.push_back(entry);
    }
    void on_error(Place place, const std::string& text) override {
        check_place(place);
        XD_ASSERT(!text.empty());
        is_whole = false;
    }
    void on_temporary(Place place, const std::string& text) override {
        check_place(place);
        XD_ASSERT(!text.empty());
        is_whole = false;
    }
    std::vector<Entry> entries;
    bool is_whole = true;

  private:
    void check_place(Place place) const {
        XD_ASSERT(place.line >= 1 && place.line <= line_count_ + 1 && place.column >= 1);
    }
    std::size_t line_count_;
};

void feed(Format format, std::string_view text, Collector& found) {
    const auto reader = make_reader(format, found);
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        if (!reader->line(text.substr(0, end))) {
            return;
        }
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    reader->end();
}

[[nodiscard]] bool is_same(Format format, Entry a, Entry b) {
    if (format == Format::kJson || format == Format::kCsv) {
        if (a.hw_address.empty()) {
            a.hw_type = b.hw_type = 1;
        }
        return a == b;
    }
    if (a.dhcp6.has_value() != b.dhcp6.has_value()) {
        return false;
    }
    if (a.dhcp6) {
        const bool is_same_client =
            a.state == EntryState::kDeclined ||
            (a.dhcp6->duid == b.dhcp6->duid && a.dhcp6->iaid == b.dhcp6->iaid);
        return name_of(a) == name_of(b) && a.state == b.state && a.expires == b.expires &&
               is_same_client && (format != Format::kKea || a.hostname == b.hostname);
    }
    // The others know fewer things of a lease.
    return a.address == b.address && a.state == b.state && a.expires == b.expires &&
           a.client_id == b.client_id && (a.hw_address == b.hw_address) &&
           (format == Format::kDnsmasq || a.hostname == b.hostname);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto line_count =
        static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    static_cast<void>(detect(text.substr(0, text.find('\n'))));
    for (std::size_t from = 0; from < kFormatNames.size(); ++from) {
        Collector found{line_count};
        feed(static_cast<Format>(from), text, found);
        for (const Entry& entry : found.entries) {
            if (entry.state == EntryState::kEnded) {
                continue;
            }
            for (std::size_t to = 0; to < kFormatNames.size(); ++to) {
                const auto format = static_cast<Format>(to);
                const auto writer =
                    make_writer(format, {.now = 1767225600, .is_dhcp6 = entry.dhcp6.has_value()});
                std::string out;
                writer->begin(out);
                if (!writer->write(entry, out)) {
                    continue;
                }
                Collector again{out.size()};
                feed(format, out, again);
                // Who is known by option 82 alone cannot be told without words for it.
                if (!entry.dhcp6 && entry.hw_address.empty() && entry.client_id.empty()) {
                    continue;
                }
                XD_ASSERT(again.is_whole && again.entries.size() == 1);
                XD_ASSERT(is_same(format, entry, again.entries.front()));
            }
        }
    }
    return 0;
}
