#include "option_value/nearest_name.h"

#include <algorithm>
#include <vector>

namespace xdhcpd::option_value {
namespace {

constexpr std::size_t kLongestSensible = 64;  // longer than any name with its errors

// Levenshtein distance: insertions, deletions and replacements of characters.
std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    for (std::size_t j = 0; j <= to.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[to.size()];
}

// Case and underscores are no difference worth a distance.
std::string normalised(std::string_view text) {
    std::string result{text};
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        } else if (c == '_' || c == ' ') {
            c = '-';
        }
    }
    return result;
}

}  // namespace

NearestName::NearestName(std::string_view misspelt)
    : wanted_{misspelt.size() <= kLongestSensible ? normalised(misspelt) : std::string{}} {
    best_distance_ = wanted_.empty() ? 0 : std::max<std::size_t>(1, wanted_.size() / 4) + 1;
}

void NearestName::consider(std::string_view name) {
    const std::size_t missing =
        name.size() > wanted_.size() ? name.size() - wanted_.size() : wanted_.size() - name.size();
    if (missing >= best_distance_) {  // no need to look at the characters
        return;
    }
    const std::size_t distance = edit_distance(wanted_, name);
    if (distance < best_distance_) {
        best_ = name;
        best_distance_ = distance;
    }
}

}  // namespace xdhcpd::option_value
