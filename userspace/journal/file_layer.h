// FileLayer: the few things the journal does with files, so that tests can put a disk underneath
// that fails, tears and forgets. Every function may block. Errors name the file. A FileLayer may be
// used by several threads at once, a File by one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/result.h"

namespace xdhcpd::journal {

using Status = Result<Success, Error>;

// An open file; closed by its destructor.
class File {
  public:
    File() = default;
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    virtual ~File() = default;

    // All bytes of `from` at `offset`, or an error; then any part may have been written.
    [[nodiscard]] virtual Status write(std::uint64_t offset, ByteView from) = 0;
    // Fills `into` from `offset`; less only at the end of the file.
    [[nodiscard]] virtual Result<std::size_t, Error> read(std::uint64_t offset,
                                                          MutableBytes into) = 0;
    // What was written is on stable storage, with the length of the file (fdatasync). After an
    // error nothing is known of anything written since the last success, and asking again proves
    // nothing: Linux tells an error once.
    [[nodiscard]] virtual Status sync() = 0;
    [[nodiscard]] virtual Result<std::uint64_t, Error> size() = 0;
    // Whether the path leads to this file; false when it or its directory was moved or removed.
    [[nodiscard]] virtual bool is_at(const std::string& path) = 0;
};

enum class OpenMode : std::uint8_t {
    kRead,
    kReadWrite,
    kCreate,  // read and write; emptied if it exists
};

class FileLayer {
  public:
    FileLayer() = default;
    FileLayer(const FileLayer&) = delete;
    FileLayer& operator=(const FileLayer&) = delete;
    virtual ~FileLayer() = default;

    // Refuses what is no regular file.
    [[nodiscard]] virtual Result<std::unique_ptr<File>, Error> open(const std::string& path,
                                                                    OpenMode mode) = 0;
    // Replaces `to`.
    [[nodiscard]] virtual Status rename(const std::string& from, const std::string& to) = 0;
    // Success as well if there is none.
    [[nodiscard]] virtual Status remove(const std::string& path) = 0;
    // Names in the directory without "." and "..", in any order.
    [[nodiscard]] virtual Result<std::vector<std::string>, Error> list(
        const std::string& directory) = 0;
    // Names made, changed and removed in it are on stable storage.
    [[nodiscard]] virtual Status sync_directory(const std::string& directory) = 0;
    // Bytes that can still be written below it.
    [[nodiscard]] virtual Result<std::uint64_t, Error> free_len(const std::string& directory) = 0;
    // Success as well if it exists.
    [[nodiscard]] virtual Status make_directory(const std::string& directory) = 0;
    // Holds `path` until the returned file is closed or the process ends; an error that names the
    // holder's process when another one has it.
    [[nodiscard]] virtual Result<std::unique_ptr<File>, Error> lock(const std::string& path) = 0;
    // Keeps others from lock() meanwhile, beside other readers; needs no file at `path` and makes
    // none. EWOULDBLOCK, and the holder's process, when one has locked it.
    [[nodiscard]] virtual Result<std::unique_ptr<File>, Error> lock_for_reading(
        const std::string& path) = 0;
};

}  // namespace xdhcpd::journal
