#include "journal/posix_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>

namespace xdhcpd::journal {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0700;

[[nodiscard]] Unexpected<Error> failed(const char* what, const std::string& path) {
    return Unexpected{system_error(errno, std::string{what} + " " + path)};
}

class PosixFile final : public File {
  public:
    PosixFile(int fd, std::string path) noexcept : fd_{fd}, path_{std::move(path)} {}
    ~PosixFile() override { ::close(fd_); }

    Status write(std::uint64_t offset, ByteView from) override {
        while (!from.empty()) {
            const ssize_t len = ::pwrite(fd_, from.data(), from.size(), static_cast<off_t>(offset));
            if (len > 0) {
                from = from.subspan(static_cast<std::size_t>(len));
                offset += static_cast<std::uint64_t>(len);
            } else if (len == 0) {
                return Unexpected{Error{0, "write " + path_ + ": nothing was written"}};
            } else if (errno != EINTR) {
                return failed("write", path_);
            }
        }
        return Success{};
    }

    Result<std::size_t, Error> read(std::uint64_t offset, MutableBytes into) override {
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t len = ::pread(fd_, into.data() + done, into.size() - done,
                                        static_cast<off_t>(offset + done));
            if (len > 0) {
                done += static_cast<std::size_t>(len);
            } else if (len == 0) {
                break;
            } else if (errno != EINTR) {
                return failed("read", path_);
            }
        }
        return done;
    }

    // Not repeated after EINTR either: it has no such error for files, and what is not known must
    // not be taken for success.
    Status sync() override {
        return ::fdatasync(fd_) == 0 ? Status{Success{}} : Status{failed("sync", path_)};
    }

    Result<std::uint64_t, Error> size() override {
        struct stat facts {};
        if (::fstat(fd_, &facts) != 0) {
            return failed("stat", path_);
        }
        return static_cast<std::uint64_t>(facts.st_size);
    }

    bool is_at(const std::string& path) override {
        struct stat mine {};
        struct stat there {};
        return ::fstat(fd_, &mine) == 0 && ::stat(path.c_str(), &there) == 0 &&
               mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
    }

  private:
    int fd_;
    std::string path_;
};

[[nodiscard]] int flags_of(OpenMode mode) noexcept {
    switch (mode) {
        case OpenMode::kRead:
            return O_RDONLY;
        case OpenMode::kReadWrite:
            return O_RDWR;
        case OpenMode::kCreate:
            return O_RDWR | O_CREAT | O_TRUNC;
    }
    return O_RDONLY;
}

// Where a regular file is expected, somebody may have put anything: a FIFO must not hold up the
// start, nor a device take what was meant for the disk. Opened with O_NONBLOCK, which files do not
// know.
[[nodiscard]] Result<int, Error> open_regular(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kFileMode);
    struct stat facts {};
    if (fd >= 0 && ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
        return fd;
    }
    const int error = errno;
    if (fd >= 0) {
        ::close(fd);
    }
    // ENXIO: a socket, or a FIFO that nobody reads. ELOOP: a symbolic link.
    if (fd >= 0 || error == ENXIO || error == ELOOP || error == EISDIR) {
        return Unexpected{Error{EINVAL, path + " is no regular file: move it away"}};
    }
    return Unexpected{system_error(error, "open " + path)};
}

// Root's tools must not leave files behind that the server, which is not root, cannot open: a file
// belongs to whom its directory belongs. Failing shows when the server starts.
void give_to_owner(int fd, const std::string& path) {
    const std::string::size_type slash = path.rfind('/');
    struct stat directory {};
    if (::geteuid() == 0 && slash != std::string::npos &&
        ::stat(path.substr(0, slash + 1).c_str(), &directory) == 0) {
        static_cast<void>(!::fchown(fd, directory.st_uid, directory.st_gid));
    }
}

// What the holder wrote into the lock file; empty if it is not a number.
[[nodiscard]] std::string holder_of(const std::string& path) {
    const auto fd = open_regular(path, O_RDONLY);
    if (!fd) {
        return {};
    }
    const PosixFile file{*fd, path};
    std::array<char, 16> text{};
    const ssize_t len = ::pread(*fd, text.data(), text.size(), 0);
    long process = 0;
    if (len <= 0 || std::from_chars(text.data(), text.data() + len, process).ec != std::errc{}) {
        return {};
    }
    return " (process " + std::to_string(process) + ")";
}

// The directory itself is what is held: the file may be removed by somebody who takes it for a
// leftover, and says only who holds it.
[[nodiscard]] Result<std::unique_ptr<File>, Error> hold_directory(const std::string& path,
                                                                  int how) {
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    const int held = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (held < 0) {
        return failed("open", directory);
    }
    auto holder = std::make_unique<PosixFile>(held, directory);
    if (::flock(held, how | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return failed("lock", directory);
        }
        return Unexpected{
            Error{EWOULDBLOCK, path + " is held by another process" + holder_of(path)}};
    }
    return std::unique_ptr<File>{std::move(holder)};
}

}  // namespace

Result<std::unique_ptr<File>, Error> PosixFiles::open(const std::string& path, OpenMode mode) {
    const auto fd = open_regular(path, flags_of(mode));
    if (!fd) {
        return Unexpected{fd.error()};
    }
    if (mode == OpenMode::kCreate) {
        give_to_owner(*fd, path);
    }
    return std::unique_ptr<File>{std::make_unique<PosixFile>(*fd, path)};
}

Status PosixFiles::rename(const std::string& from, const std::string& to) {
    return ::rename(from.c_str(), to.c_str()) == 0 ? Status{Success{}}
                                                   : Status{failed("rename to", to)};
}

Status PosixFiles::remove(const std::string& path) {
    return ::unlink(path.c_str()) == 0 || errno == ENOENT ? Status{Success{}}
                                                          : Status{failed("remove", path)};
}

Result<std::vector<std::string>, Error> PosixFiles::list(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream{::opendir(directory.c_str()), ::closedir};
    if (stream == nullptr) {
        return failed("list", directory);
    }
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this call's own
        const dirent* const entry = ::readdir(stream.get());
        if (entry == nullptr) {
            break;
        }
        const std::string_view name{static_cast<const char*>(entry->d_name)};
        if (name != "." && name != "..") {
            names.emplace_back(name);
        }
    }
    if (errno != 0) {
        return failed("list", directory);
    }
    return names;
}

Status PosixFiles::sync_directory(const std::string& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return failed("open", directory);
    }
    Status status = ::fsync(fd) == 0 ? Status{Success{}} : Status{failed("sync", directory)};
    ::close(fd);
    return status;
}

Result<std::uint64_t, Error> PosixFiles::free_len(const std::string& directory) {
    struct statvfs facts {};
    if (::statvfs(directory.c_str(), &facts) != 0) {
        return failed("stat", directory);
    }
    return std::uint64_t{facts.f_bavail} * facts.f_frsize;
}

Status PosixFiles::make_directory(const std::string& directory) {
    return ::mkdir(directory.c_str(), kDirectoryMode) == 0 || errno == EEXIST
               ? Status{Success{}}
               : Status{failed("make", directory)};
}

Result<std::unique_ptr<File>, Error> PosixFiles::lock(const std::string& path) {
    const auto fd = open_regular(path, O_RDWR | O_CREAT);
    if (!fd) {
        return Unexpected{fd.error()};
    }
    give_to_owner(*fd, path);
    PosixFile file{*fd, path};
    auto holder = hold_directory(path, LOCK_EX);
    if (!holder) {
        Error error = holder.error();
        if (error.errno_value == EWOULDBLOCK) {
            error.message += ": one xdhcpd at a time may use a directory";
        }
        return Unexpected{std::move(error)};
    }
    // For people and for the sentence above only, so that its failure does not matter.
    const std::string process = std::to_string(::getpid()) + "\n";
    if (::ftruncate(*fd, 0) == 0) {
        static_cast<void>(file.write(0, as_bytes(process)));
    }
    return holder;
}

Result<std::unique_ptr<File>, Error> PosixFiles::lock_for_reading(const std::string& path) {
    return hold_directory(path, LOCK_SH);
}

}  // namespace xdhcpd::journal
