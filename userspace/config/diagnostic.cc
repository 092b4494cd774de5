#include "config/diagnostic.h"

#include <algorithm>
#include <utility>

namespace xdhcpd::config {

std::string to_string(const Diagnostic& diagnostic) {
    std::string text = diagnostic.file;
    if (diagnostic.line > 0) {
        text += ":" + std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
    }
    switch (diagnostic.severity) {
        case Diagnostic::Severity::kError:
            return text + ": error: " + diagnostic.message;
        case Diagnostic::Severity::kWarning:
            return text + ": warning: " + diagnostic.message;
        case Diagnostic::Severity::kNote:
            break;
    }
    return text + ": note: " + diagnostic.message;
}

std::string to_string(Place place) {
    return place.line > 0 ? "line " + std::to_string(place.line) : "the command line";
}

Reporter::Reporter(std::string file, std::span<const std::string_view> options)
    : file_{std::move(file)}, options_{options} {}

void Reporter::error(Place place, std::string message) {
    failed_ = true;
    entries_.push_back({place, Diagnostic::Severity::kError, std::move(message)});
}

void Reporter::warning(Place place, std::string message) {
    entries_.push_back({place, Diagnostic::Severity::kWarning, std::move(message)});
}

std::vector<Diagnostic> Reporter::take() {
    std::ranges::sort(entries_);
    entries_.erase(std::unique(entries_.begin(), entries_.end()), entries_.end());
    std::vector<Diagnostic> diagnostics;
    diagnostics.reserve(entries_.size());
    for (Entry& entry : entries_) {
        diagnostics.push_back(to_diagnostic(std::move(entry)));
    }
    entries_.clear();
    return diagnostics;
}

Diagnostic Reporter::to_diagnostic(Entry entry) const {
    const auto [line, column] = entry.place;
    if (line > 0) {
        return {entry.severity, file_, line, column, std::move(entry.message)};
    }
    std::string message;
    if (column >= 0 && static_cast<std::size_t>(column) < options_.size()) {
        const std::string_view option = options_[static_cast<std::size_t>(column)];
        message = std::string{option} + ": ";
        // "--range: range: ..." would say it twice.
        const std::string key =
            message.substr(std::min(message.find_first_not_of('-'), message.size()));
        if (entry.message.starts_with(key)) {
            entry.message.erase(0, key.size());
        }
    }
    return {entry.severity, file_, 0, 0, message + entry.message};
}

}  // namespace xdhcpd::config
