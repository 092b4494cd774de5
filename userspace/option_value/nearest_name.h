// Which of many names a misspelt one probably means. Cold path: allocates. One thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace xdhcpd::option_value {

class NearestName {
  public:
    explicit NearestName(std::string_view misspelt);

    // What was asked for, with case and underscores levelled; empty if it is no name at all.
    [[nodiscard]] std::string_view wanted() const noexcept { return wanted_; }
    // Keeps `name`, which the caller keeps alive, if none before was as near.
    void consider(std::string_view name);
    // The name with the smallest edit distance; empty if none is near.
    [[nodiscard]] std::string_view best() const noexcept { return best_; }

  private:
    std::string wanted_;
    std::string_view best_;
    std::size_t best_distance_ = 0;
};

}  // namespace xdhcpd::option_value
