// TableReader: what the readers of tables have in common: names of columns in the first line that
// is not empty, a lease in each after it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lease_files/entry.h"
#include "lease_files/format.h"

namespace xdhcpd::lease_files {

class TableReader : public Reader {
  public:
    // `receiver` outlives it.
    explicit TableReader(Receiver& receiver) : receiver_{receiver} {}

    [[nodiscard]] bool line(std::string_view text) final {
        ++line_;
        if (text.ends_with('\r')) {
            text.remove_suffix(1);
        }
        return text.empty() || read(text);
    }
    void end() final {}

  protected:
    // A line that is not empty; the result is that of line().
    [[nodiscard]] virtual bool read(std::string_view text) = 0;

    [[nodiscard]] Receiver& receiver() noexcept { return receiver_; }
    // Of the line that is being read.
    [[nodiscard]] Place place(std::uint64_t column = 1) const noexcept { return {line_, column}; }
    // Tells the receiver of the entry, or what is wrong with it.
    void give(const Entry& entry) {
        if (const std::string wrong = check(entry); !wrong.empty()) {
            receiver_.on_error(place(), wrong);
        } else {
            receiver_.on_entry(entry, place());
        }
    }

  private:
    Receiver& receiver_;
    std::uint64_t line_ = 0;
};

}  // namespace xdhcpd::lease_files
