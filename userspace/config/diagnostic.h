// What is wrong with a configuration, and where. Values and a collector for one load; no thread
// besides the one that loads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace xdhcpd::config {

struct Diagnostic {
    enum class Severity : std::uint8_t { kError, kWarning, kNote };

    Severity severity = Severity::kError;
    std::string file;
    int line = 0;    // from 1; 0: the whole file
    int column = 0;  // from 1, in bytes; 0 with line 0
    std::string message;
};

// "FILE:LINE:COLUMN: error: MESSAGE", or "FILE: error: MESSAGE" for the whole file.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

// A place in the text, both from 1. Line 0: column is the index of a command line option, or
// negative for the whole text.
struct Place {
    int line = 0;
    int column = -1;

    // NOLINTNEXTLINE(modernize-use-nullptr): the check takes the 0 of an ordering for a pointer
    auto operator<=>(const Place&) const = default;
};

// Collects every mistake of one load.
class Reporter {
  public:
    // `options` name what a place in line 0 stands for ("--range"); it must outlive the reporter.
    explicit Reporter(std::string file, std::span<const std::string_view> options = {});

    void error(Place place, std::string message);
    void warning(Place place, std::string message);
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    // Hands the diagnostics out, in the order of the text and each but once (an alias may show one
    // twice).
    [[nodiscard]] std::vector<Diagnostic> take();

  private:
    struct Entry {
        Place place;
        Diagnostic::Severity severity;
        std::string message;

        // NOLINTNEXTLINE(modernize-use-nullptr): likewise
        auto operator<=>(const Entry&) const = default;
    };

    [[nodiscard]] Diagnostic to_diagnostic(Entry entry) const;

    std::string file_;
    std::span<const std::string_view> options_;
    std::vector<Entry> entries_;
    bool failed_ = false;
};

// "line 12", for messages that point at another place.
[[nodiscard]] std::string to_string(Place place);

}  // namespace xdhcpd::config
