// Tables and figures for people. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xdhcpd::xdhcpctl {

// Text for a terminal: control characters, which could steer it, become "?".
[[nodiscard]] std::string printable(std::string_view text);

// "59m 58s", "2d 03h", "12s"
[[nodiscard]] std::string duration(std::uint64_t seconds);
// "512 B", "1.5 MiB"
[[nodiscard]] std::string bytes(std::uint64_t count);
// "850 ns", "12.3 us", "4.5 ms"
[[nodiscard]] std::string microseconds(double value);
// "1 lease", "2 leases"
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun);

// Columns as wide as their widest cell, two spaces between.
class Table {
  public:
    enum class Align : std::uint8_t { kLeft, kRight };
    struct Column {
        std::string heading;
        Align align = Align::kLeft;
        std::size_t min_width = 0;
    };

    explicit Table(std::vector<Column> columns) : columns_{std::move(columns)} {}

    // As many cells as columns; they are made printable.
    void add(std::vector<std::string> cells);
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    // Lines without trailing spaces.
    [[nodiscard]] std::string text(bool headings = true) const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace xdhcpd::xdhcpctl
