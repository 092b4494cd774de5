// FileHandle: owns a file descriptor. Move-only.
#pragma once

#include <unistd.h>

#include <utility>

namespace xdhcpd::control {

class FileHandle {
  public:
    explicit FileHandle(int fd = -1) noexcept : fd_{fd} {}
    FileHandle(FileHandle&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    FileHandle& operator=(FileHandle&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    FileHandle(const FileHandle&) = delete;
    FileHandle& operator=(const FileHandle&) = delete;
    ~FileHandle() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }
    [[nodiscard]] int get() const noexcept { return fd_; }

  private:
    int fd_;
};

}  // namespace xdhcpd::control
