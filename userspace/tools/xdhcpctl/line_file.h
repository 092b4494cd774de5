// LineFile: a file read line by line, more than once. One thread.
#pragma once

#include <cstddef>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/result.h"

namespace xdhcpd::xdhcpctl {

class LineFile {
  public:
    static constexpr std::size_t kMaxLineLen = std::size_t{1} << 20;

    // "-" is standard input, which is copied into a temporary file first: a pipe is read only once.
    [[nodiscard]] static Result<LineFile, Error> open(const std::string& path);

    // The next line without its newline, valid until the next call; false at the end of the file,
    // or after an error().
    [[nodiscard]] bool next(std::string_view& line);
    // What ended the file before its end; empty if nothing did.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    // Begins again.
    void rewind();

  private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
    };
    using Handle = std::unique_ptr<std::FILE, Close>;

    LineFile(Handle file, std::string name)
        : file_{std::move(file)}, name_{std::move(name)}, buffer_(2 * kMaxLineLen) {}

    Handle file_;
    std::string name_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;  // of what has not been given out
    std::size_t end_ = 0;
    bool is_at_end_ = false;
    std::string error_;
};

}  // namespace xdhcpd::xdhcpctl
