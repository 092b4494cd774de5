// Formats of lease files: readers that take a file line by line, writers that append to a text.
// Pure: no files, no clocks. One thread per reader or writer.
//
//     const auto reader = make_reader(Format::kIsc, receiver);
//     while (more) { if (!reader->line(text)) return; }
//     reader->end();
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/addresses.h"
#include "lease_files/entry.h"

namespace xdhcpd::lease_files {

enum class Format : std::uint8_t {
    kJson,     // JSON lines; everything there is to say
    kCsv,      // our own table; likewise
    kKea,      // Kea's memfile
    kIsc,      // dhcpd.leases of ISC dhcpd
    kDnsmasq,  // dnsmasq.leases
};
inline constexpr std::array<std::string_view, 5> kFormatNames{"json", "csv", "kea", "isc",
                                                              "dnsmasq"};
[[nodiscard]] constexpr std::string_view name(Format format) noexcept {
    return kFormatNames[static_cast<std::size_t>(format)];
}
[[nodiscard]] std::optional<Format> parse_format(std::string_view name) noexcept;

// By the first line of a file that is not empty; nothing if it looks like none of them.
[[nodiscard]] std::optional<Format> detect(std::string_view line);

struct Place {
    std::uint64_t line = 1;
    std::uint64_t column = 1;  // in bytes
};

// Whom a reader tells.
class Receiver {
  public:
    Receiver() = default;
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    virtual void on_entry(const Entry& entry, Place place) = 0;
    // Something that is not understood, and what was meant. The reader goes on behind it.
    virtual void on_error(Place place, const std::string& text) = 0;
    // A temporary address (IA_TA), which nobody serves any more (RFC 9915); `text` says so.
    virtual void on_temporary(Place place, const std::string& text) = 0;

  protected:
    ~Receiver() = default;
};

class Reader {
  public:
    Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    virtual ~Reader() = default;

    // The next line, without its newline. False: the rest of the file is of no use, and the
    // receiver knows why.
    [[nodiscard]] virtual bool line(std::string_view text) = 0;
    // There are no more lines.
    virtual void end() = 0;
};
// `receiver` outlives it.
[[nodiscard]] std::unique_ptr<Reader> make_reader(Format format, Receiver& receiver);

struct WriterOptions {
    std::int64_t now = 0;  // Unix seconds
    // Kea and ISC dhcpd have a file for each: leases of the other are left out.
    bool is_dhcp6 = false;
    // Kea's number of the lease's subnet; null: 1.
    std::function<std::uint32_t(const Entry&)> kea_subnet_id{};
};

class Writer {
  public:
    Writer() = default;
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    virtual ~Writer() = default;

    // Appends what stands before the first lease.
    virtual void begin(std::string& out) const = 0;
    // Appends a lease; `entry` is as check() wants it and not kEnded. False, and nothing is
    // appended, if the format has no words for it.
    [[nodiscard]] virtual bool write(const Entry& entry, std::string& out) const = 0;
};
[[nodiscard]] std::unique_ptr<Writer> make_writer(Format format, WriterOptions options);

}  // namespace xdhcpd::lease_files
