#include "tools/xdhcpctl/line_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace xdhcpd::xdhcpctl {

Result<LineFile, Error> LineFile::open(const std::string& path) {
    if (path != "-") {
        Handle file{std::fopen(path.c_str(), "rbe")};
        if (file == nullptr) {
            return Unexpected{system_error(errno, "open " + path)};
        }
        return LineFile{std::move(file), path};
    }
    Handle copy{std::tmpfile()};
    if (copy == nullptr) {
        return Unexpected{system_error(errno, "make a temporary file")};
    }
    std::array<char, 65536> buffer;
    while (const std::size_t len = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
        if (std::fwrite(buffer.data(), 1, len, copy.get()) != len) {
            return Unexpected{system_error(errno, "write a temporary file")};
        }
    }
    if (std::ferror(stdin) != 0) {
        return Unexpected{system_error(errno, "read standard input")};
    }
    if (std::fflush(copy.get()) != 0) {
        return Unexpected{system_error(errno, "write a temporary file")};
    }
    std::rewind(copy.get());
    return LineFile{std::move(copy), "(standard input)"};
}

bool LineFile::next(std::string_view& line) {
    while (error_.empty()) {
        const std::string_view rest{buffer_.data() + begin_, end_ - begin_};
        const std::size_t newline = rest.find('\n');
        if (newline != std::string_view::npos || (is_at_end_ && !rest.empty())) {
            line = rest.substr(0, newline);
            begin_ += std::min(line.size() + 1, rest.size());
            return true;
        }
        if (is_at_end_) {
            return false;
        }
        if (rest.size() > kMaxLineLen) {
            error_ = name_ + ": a line is longer than a megabyte: this is no lease file";
            return false;
        }
        std::memmove(buffer_.data(), buffer_.data() + begin_, rest.size());
        begin_ = 0;
        end_ = rest.size();
        errno = 0;
        const std::size_t len =
            std::fread(buffer_.data() + end_, 1, buffer_.size() - end_, file_.get());
        end_ += len;
        if (len == 0) {
            is_at_end_ = true;
            if (std::ferror(file_.get()) != 0) {
                error_ = system_error(errno, "read " + name_).message;
            }
        }
    }
    return false;
}

void LineFile::rewind() {
    std::rewind(file_.get());
    begin_ = 0;
    end_ = 0;
    is_at_end_ = false;
    error_.clear();
}

}  // namespace xdhcpd::xdhcpctl
