// FaultyFiles: a disk in memory that does no more than it must. What was written and not synced is
// lost, torn or reordered by a power cut; any one call fails on request; and after a failed sync
// what it should have stored never will be by a later one, as on Linux. One thread.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "journal/file_layer.h"

namespace xdhcpd::journal {

class FaultyFiles final : public FileLayer {
  public:
    enum class Loss {
        kNone,  // the process was killed, the system goes on: the page cache survives
        kAll,   // nothing survives that was not synced
        kTorn,  // of each write that was not synced, any part may be there, or nonsense instead
        kReordered,  // each such write is there or not, whatever came before or after it
    };

    // Calls up to now. Every call that can fail counts.
    [[nodiscard]] std::uint64_t calls() const { return calls_; }
    // Calls number `first` .. `first` + `count` - 1 fail, the first ever being number 1.
    void fail_calls(std::uint64_t first, int errno_value, std::uint64_t count = 1) {
        fail_first_ = first;
        fail_count_ = count;
        fail_errno_ = errno_value;
    }
    // From call number `call` on nothing happens any more, until restart().
    void crash_at(std::uint64_t call) { crash_at_ = call; }
    [[nodiscard]] bool crashed() const { return crash_at_ != 0 && calls_ >= crash_at_; }
    // Syncs succeed and do nothing: tests must notice.
    void lie_about_syncs() { lying_ = true; }
    // Forgets the lock and what was asked for, and loses what is to be lost. Open files of before
    // must not be used.
    void restart(Loss loss, Random& random) {
        locks_.clear();
        fail_first_ = 0;
        crash_at_ = 0;
        if (loss == Loss::kNone) {
            return;
        }
        for (const NameChange& change : name_changes_) {
            if (loss != Loss::kAll && random.below(2) == 0) {
                apply(change, durable_names_);
            }
        }
        name_changes_.clear();
        names_ = durable_names_;
        for (auto& [name, content] : names_) {
            content->lose_waiting(loss, random);
            content->now = content->durable;
        }
    }
    // Removes all files.
    void clear() {
        names_.clear();
        durable_names_.clear();
        name_changes_.clear();
    }
    // The process that held them has ended.
    void release_locks() { locks_.clear(); }
    // Changes a byte on the disk itself.
    void flip(const std::string& path, std::uint64_t offset) {
        Content& content = *names_.at(path);
        for (auto* bytes : {&content.now, &content.durable}) {
            if (offset < bytes->size()) {  // or it was not synced yet
                (*bytes)[offset] ^= std::byte{0x10};
            }
        }
    }
    [[nodiscard]] std::vector<std::byte>& bytes(const std::string& path) {
        return names_.at(path)->now;
    }
    [[nodiscard]] bool exists(const std::string& path) const { return names_.contains(path); }
    // As `mv` and `rm` of an operator, done at once and for good.
    void move_away(const std::string& path, const std::string& to) {
        for (auto* names : {&names_, &durable_names_}) {
            if (const auto found = names->find(path); found != names->end()) {
                (*names)[to] = found->second;
                names->erase(path);
            }
        }
    }

    Result<std::unique_ptr<File>, Error> open(const std::string& path, OpenMode mode) override {
        if (const Status status = count("open", path); !status) {
            return Unexpected{status.error()};
        }
        if (mode == OpenMode::kCreate) {
            change({Change::kMake, path, "", std::make_shared<Content>()});
        }
        const auto found = names_.find(path);
        if (found == names_.end()) {
            return Unexpected{system_error(ENOENT, "open " + path)};
        }
        return std::unique_ptr<File>{std::make_unique<OpenFile>(*this, found->second, path)};
    }
    Status rename(const std::string& from, const std::string& to) override {
        if (Status status = count("rename", from); !status) {
            return status;
        }
        if (!names_.contains(from)) {
            return Unexpected{system_error(ENOENT, "rename " + from)};
        }
        change({Change::kRename, from, to, names_.at(from)});
        return Success{};
    }
    Status remove(const std::string& path) override {
        if (Status status = count("remove", path); !status) {
            return status;
        }
        change({Change::kRemove, path, "", nullptr});
        return Success{};
    }
    Result<std::vector<std::string>, Error> list(const std::string& directory) override {
        if (const Status status = count("list", directory); !status) {
            return Unexpected{status.error()};
        }
        std::vector<std::string> found;
        for (const auto& [path, content] : names_) {
            if (path.starts_with(directory + "/")) {
                found.push_back(path.substr(directory.size() + 1));
            }
        }
        return found;
    }
    Status sync_directory(const std::string& directory) override {
        if (Status status = count("sync", directory); !status) {
            return status;
        }
        if (!lying_) {
            durable_names_ = names_;
            name_changes_.clear();
        }
        return Success{};
    }
    Result<std::uint64_t, Error> free_len(const std::string& directory) override {
        if (const Status status = count("stat", directory); !status) {
            return Unexpected{status.error()};
        }
        return free_len_;
    }
    // What free_len() says.
    void set_free_len(std::uint64_t len) { free_len_ = len; }
    Status make_directory(const std::string& directory) override {
        return count("make", directory);
    }
    Result<std::unique_ptr<File>, Error> lock(const std::string& path) override {
        if (const Status status = count("lock", path); !status) {
            return Unexpected{status.error()};
        }
        if (std::find(locks_.begin(), locks_.end(), path) != locks_.end()) {
            return Unexpected{system_error(EWOULDBLOCK, "lock " + path)};
        }
        locks_.push_back(path);
        return std::unique_ptr<File>{
            std::make_unique<OpenFile>(*this, std::make_shared<Content>(), path)};
    }
    // Does not keep others from lock(): a test has one thread.
    Result<std::unique_ptr<File>, Error> lock_for_reading(const std::string& path) override {
        if (const Status status = count("lock", path); !status) {
            return Unexpected{status.error()};
        }
        if (std::find(locks_.begin(), locks_.end(), path) != locks_.end()) {
            return Unexpected{system_error(EWOULDBLOCK, "lock " + path)};
        }
        return std::unique_ptr<File>{
            std::make_unique<OpenFile>(*this, std::make_shared<Content>(), path)};
    }

  private:
    struct Write {
        std::uint64_t offset;
        std::vector<std::byte> bytes;
    };
    static void put(std::vector<std::byte>& to, std::uint64_t offset, ByteView bytes) {
        to.resize(std::max<std::size_t>(to.size(), offset + bytes.size()));
        copy_bytes(to.data() + offset, bytes);
    }

    struct Content {
        std::vector<std::byte> now;      // what programs see
        std::vector<std::byte> durable;  // what is on the disk for certain
        std::vector<Write> waiting;      // the next sync stores them

        void sync() {
            for (const Write& write : waiting) {
                put(durable, write.offset, write.bytes);
            }
            waiting.clear();
        }
        // The writes will not be tried again; any part of them may have got through.
        void lose_waiting(Loss loss, Random& random) {
            if (loss != Loss::kAll) {
                for (const Write& write : waiting) {
                    keep_some(write, loss, random);
                }
            }
            waiting.clear();
        }
        void keep_some(const Write& write, Loss loss, Random& random) {
            constexpr std::size_t kSectorLen = 512;
            constexpr std::uint64_t kBlockLen = 4096;
            const ByteView bytes{write.bytes};
            if (bytes.empty()) {
                return;
            }
            switch (loss == Loss::kTorn ? random.below(5) : random.below(2)) {
                case 0:
                    break;
                case 1:
                    put(durable, write.offset, bytes);
                    break;
                case 2:
                    put(durable, write.offset,
                        bytes.first(random.below(static_cast<std::uint32_t>(bytes.size()))));
                    break;
                case 3:
                    for (std::size_t at = 0; at < bytes.size(); at += kSectorLen) {
                        const ByteView sector =
                            bytes.subspan(at, std::min(kSectorLen, bytes.size() - at));
                        if (random.below(2) == 0) {
                            put(durable, write.offset + at, sector);
                        }
                    }
                    break;
                default:
                    spoil(write.offset / kBlockLen * kBlockLen,
                          (write.offset + bytes.size() + kBlockLen - 1) / kBlockLen * kBlockLen,
                          random);
            }
        }
        // Blocks that were being written when the power went may hold anything, also where they
        // were not changed.
        void spoil(std::uint64_t begin, std::uint64_t end, Random& random) {
            std::vector<std::byte> nonsense(end - begin);
            for (std::byte& byte : nonsense) {
                byte = static_cast<std::byte>(random.below(256));
            }
            put(durable, begin, nonsense);
        }
    };

    class OpenFile final : public File {
      public:
        OpenFile(FaultyFiles& files, std::shared_ptr<Content> content, std::string path)
            : files_{files}, content_{std::move(content)}, path_{std::move(path)} {}

        Status write(std::uint64_t offset, ByteView from) override {
            Status status = files_.count("write", path_);
            if (!status) {
                from = from.first(files_.crashed() ? 0 : from.size() / 2);  // any part
            }
            put(content_->now, offset, from);
            content_->waiting.push_back({offset, {from.begin(), from.end()}});
            return status;
        }
        Result<std::size_t, Error> read(std::uint64_t offset, MutableBytes into) override {
            if (const Status status = files_.count("read", path_); !status) {
                return Unexpected{status.error()};
            }
            if (offset >= content_->now.size()) {
                return std::size_t{0};
            }
            const std::size_t len =
                std::min<std::size_t>(into.size(), content_->now.size() - offset);
            copy_bytes(into.data(), ByteView{content_->now}.subspan(offset, len));
            return len;
        }
        Status sync() override {
            if (Status status = files_.count("sync", path_); !status) {
                if (!files_.crashed()) {
                    content_->lose_waiting(Loss::kTorn, files_.random_);
                }
                return status;
            }
            if (!files_.lying_) {
                content_->sync();
            }
            return Success{};
        }
        Result<std::uint64_t, Error> size() override {
            if (const Status status = files_.count("stat", path_); !status) {
                return Unexpected{status.error()};
            }
            return std::uint64_t{content_->now.size()};
        }
        bool is_at(const std::string& path) override {
            const auto found = files_.names_.find(path);
            return found != files_.names_.end() && found->second == content_;
        }

      private:
        FaultyFiles& files_;
        std::shared_ptr<Content> content_;
        std::string path_;
    };

    using Names = std::map<std::string, std::shared_ptr<Content>>;
    enum class Change { kMake, kRename, kRemove };
    struct NameChange {
        Change what;
        std::string path;
        std::string to;
        std::shared_ptr<Content> content;
    };

    static void apply(const NameChange& change, Names& names) {
        switch (change.what) {
            case Change::kMake:
                names[change.path] = change.content;
                return;
            case Change::kRename:
                // Of this very file, whatever else the old name stood for; it has one name only.
                std::erase_if(names,
                              [&](const auto& name) { return name.second == change.content; });
                names[change.to] = change.content;
                return;
            case Change::kRemove:
                names.erase(change.path);
        }
    }
    void change(NameChange change) {
        apply(change, names_);
        name_changes_.push_back(std::move(change));
    }

    [[nodiscard]] Status count(const char* what, const std::string& path) {
        if (crashed()) {
            return Unexpected{system_error(EIO, "no power")};
        }
        ++calls_;
        if (crashed()) {
            return Unexpected{system_error(EIO, "no power")};
        }
        if (fail_first_ != 0 && calls_ >= fail_first_ && calls_ - fail_first_ < fail_count_) {
            return Unexpected{system_error(fail_errno_, std::string{what} + " " + path)};
        }
        return Success{};
    }

    Names names_;
    Names durable_names_;
    std::vector<NameChange> name_changes_;  // not synced
    std::vector<std::string> locks_;
    std::uint64_t calls_ = 0;
    std::uint64_t fail_first_ = 0;
    std::uint64_t fail_count_ = 0;
    int fail_errno_ = 0;
    std::uint64_t crash_at_ = 0;
    bool lying_ = false;
    Random random_{1};  // what a failed sync has stored after all
    std::uint64_t free_len_ = std::uint64_t{1} << 40;
};

}  // namespace xdhcpd::journal
