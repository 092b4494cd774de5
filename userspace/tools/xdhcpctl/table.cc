#include "tools/xdhcpctl/table.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/assert.h"

namespace xdhcpd::xdhcpctl {
namespace {

// Characters, not bytes, of UTF-8. Wide ones count as one: good enough for hostnames.
[[nodiscard]] std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

[[nodiscard]] std::string one_decimal(double value, std::string_view unit) {
    std::array<char, 64> text{};
    static_cast<void>(std::snprintf(text.data(), text.size(), "%.1f ", value));
    return text.data() + std::string{unit};
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool is_c1 =
            byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (byte < 0x20 || byte == 0x7f || is_c1) {
            result += '?';
            i += is_c1 ? 1 : 0;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::string duration(std::uint64_t seconds) {
    struct Unit {
        std::uint64_t seconds;
        char letter;
    };
    constexpr std::array<Unit, 4> kUnits{{{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
    // The largest unit that occurs and the next one tell enough.
    for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
        if (seconds >= kUnits[i].seconds) {
            std::array<char, 64> text{};
            static_cast<void>(std::snprintf(
                text.data(), text.size(), "%llu%c %02llu%c",
                static_cast<unsigned long long>(seconds / kUnits[i].seconds), kUnits[i].letter,
                static_cast<unsigned long long>(seconds % kUnits[i].seconds /
                                                kUnits[i + 1].seconds),
                kUnits[i + 1].letter));
            return text.data();
        }
    }
    return std::to_string(seconds) + "s";
}

std::string bytes(std::uint64_t count) {
    constexpr std::array<std::string_view, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
    constexpr double kStep = 1024;
    if (static_cast<double>(count) < kStep) {
        return std::to_string(count) + " B";
    }
    double value = static_cast<double>(count) / kStep;
    std::size_t unit = 0;
    while (value >= kStep && unit + 1 < kUnits.size()) {
        value /= kStep;
        ++unit;
    }
    return one_decimal(value, kUnits[unit]);
}

std::string microseconds(double value) {
    constexpr double kStep = 1000;
    if (value < 1) {
        return std::to_string(static_cast<std::uint64_t>(std::max(value, 0.0) * kStep)) + " ns";
    }
    if (value < kStep) {
        return one_decimal(value, "us");
    }
    return value < kStep * kStep ? one_decimal(value / kStep, "ms")
                                 : one_decimal(value / kStep / kStep, "s");
}

std::string counted(std::uint64_t count, std::string_view noun) {
    return std::to_string(count) + " " + std::string{noun} + (count == 1 ? "" : "s");
}

void Table::add(std::vector<std::string> cells) {
    XD_ASSERT(cells.size() == columns_.size());
    for (std::string& cell : cells) {
        cell = printable(cell);
    }
    rows_.push_back(std::move(cells));
}

std::string Table::text(bool headings) const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        std::size_t widest = std::max(columns_[i].min_width, width(columns_[i].heading));
        for (const auto& row : rows_) {
            widest = std::max(widest, width(row[i]));
        }
        widths.push_back(widest);
    }
    std::string result;
    const auto append = [&](const std::vector<std::string>& cells) {
        std::string line;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string padding(widths[i] - width(cells[i]), ' ');
            line += i == 0 ? "" : "  ";
            line += columns_[i].align == Align::kLeft ? cells[i] + padding : padding + cells[i];
        }
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + '\n';
    };
    if (headings) {
        std::vector<std::string> cells;
        for (const Column& column : columns_) {
            cells.push_back(column.heading);
        }
        append(cells);
    }
    for (const auto& row : rows_) {
        append(row);
    }
    return result;
}

}  // namespace xdhcpd::xdhcpctl
