// LibraryLog: while one lives, what libbpf and libxdp want to print on this thread is kept for an
// error message; otherwise it is discarded. The libraries know one print function per process.
#pragma once

#include <string>
#include <utility>

namespace xdhcpd {

class LibraryLog {
  public:
    LibraryLog();
    LibraryLog(const LibraryLog&) = delete;
    LibraryLog& operator=(const LibraryLog&) = delete;
    ~LibraryLog();

    // The last complaint on one line: ": libbpf: ...", or nothing.
    [[nodiscard]] std::string suffix() const {
        return last_warning_.empty() ? std::string{} : ": " + last_warning_;
    }
    void keep(std::string line) { last_warning_ = std::move(line); }

  private:
    std::string last_warning_;
};

}  // namespace xdhcpd
