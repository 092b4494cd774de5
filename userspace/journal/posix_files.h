// PosixFiles: the FileLayer of the system.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "journal/file_layer.h"

namespace xdhcpd::journal {

class PosixFiles final : public FileLayer {
  public:
    [[nodiscard]] Result<std::unique_ptr<File>, Error> open(const std::string& path,
                                                            OpenMode mode) override;
    [[nodiscard]] Status rename(const std::string& from, const std::string& to) override;
    [[nodiscard]] Status remove(const std::string& path) override;
    [[nodiscard]] Result<std::vector<std::string>, Error> list(
        const std::string& directory) override;
    [[nodiscard]] Status sync_directory(const std::string& directory) override;
    [[nodiscard]] Result<std::uint64_t, Error> free_len(const std::string& directory) override;
    [[nodiscard]] Status make_directory(const std::string& directory) override;
    [[nodiscard]] Result<std::unique_ptr<File>, Error> lock(const std::string& path) override;
    [[nodiscard]] Result<std::unique_ptr<File>, Error> lock_for_reading(
        const std::string& path) override;
};

}  // namespace xdhcpd::journal
