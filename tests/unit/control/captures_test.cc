#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "lab.h"
#include "pcapng/reader.h"

namespace xdhcpd::control {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// A capture of the lab and the reader's end of its connection.
class Reader {
  public:
    explicit Reader(Lab& lab, json request = {{"command", "capture"}}) {
        const json answer = lab.ask(request);
        EXPECT_TRUE(answer["ok"].get<bool>()) << answer;
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        fd_ = ends[0];
        lab.control().stream(answer["stream"], FileHandle{ends[1]}, "!");
        char first = 0;
        EXPECT_EQ(recv(fd_, &first, 1, 0), 1);  // the taps are attached now
        EXPECT_EQ(first, '!');
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { close(); }
    void close() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
        fd_ = -1;
    }
    void finish() const { shutdown(fd_, SHUT_WR); }

    struct File {
        std::vector<std::string> interfaces;
        std::vector<std::string> comments;  // of packets
        std::uint64_t missed = 0;
        std::size_t statistics = 0;
    };
    // All until the end.
    [[nodiscard]] File read() const {
        std::vector<std::byte> bytes;
        std::array<std::byte, 65536> buffer;
        for (ssize_t len = 0; (len = recv(fd_, buffer.data(), buffer.size(), 0)) > 0;) {
            bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + len);
        }
        File file;
        for (ByteView rest = bytes; !rest.empty();) {
            const auto block = pcapng::first_block(rest);
            EXPECT_TRUE(block && *block);
            rest = rest.subspan((*block)->bytes.size());
            if ((*block)->type == pcapng::kInterfaceBlock) {
                file.interfaces.emplace_back(pcapng::read_interface(**block)->name);
            } else if ((*block)->type == pcapng::kPacketBlock) {
                file.comments.emplace_back(pcapng::read_packet(**block)->comment);
            } else if ((*block)->type == pcapng::kStatisticsBlock) {
                file.missed += pcapng::read_statistics(**block)->missed;
                ++file.statistics;
            }
        }
        return file;
    }

  private:
    int fd_ = -1;
};

void wait_until_none(Lab& lab) {
    for (int i = 0; i < 500 && !lab.ask({{"command", "status"}})["captures"].empty(); ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    EXPECT_TRUE(lab.ask({{"command", "status"}})["captures"].empty());
}

TEST(CapturesTest, WritesAFileAndEndsWhenTheReaderHasFinished) {
    Lab lab;
    const Reader reader{lab};
    lab.discover(1);
    lab.discover(2, Ipv4{0xac100001});
    EXPECT_EQ(lab.ask({{"command", "status"}})["captures"].size(), 1u);
    reader.finish();
    const Reader::File file = reader.read();
    EXPECT_EQ(file.interfaces, std::vector<std::string>{"eth1"});
    ASSERT_EQ(file.comments.size(), 3u);
    EXPECT_EQ(file.comments[0], "answered");
    EXPECT_EQ(file.comments[1], "");
    EXPECT_THAT(file.comments[2], HasSubstr("engine.no-subnet: "));
    EXPECT_EQ(file.statistics, 1u);
    EXPECT_EQ(file.missed, 0u);
    wait_until_none(lab);
    lab.worker().call([&] { EXPECT_TRUE(lab.worker().taps().empty()); });
    lab.control().tick();
    EXPECT_EQ(lab.logged("has begun"), 1u);
    EXPECT_EQ(lab.logged("has ended: 3 packets, 0 missed"), 1u);
}

TEST(CapturesTest, FreesItsPlaceWhenTheReaderIsGone) {
    Lab lab;
    std::vector<std::unique_ptr<Reader>> readers;
    for (std::size_t i = 0; i < 4; ++i) {
        readers.push_back(std::make_unique<Reader>(lab));
    }
    const json refused = lab.ask({{"command", "capture"}});
    EXPECT_FALSE(refused["ok"].get<bool>());
    EXPECT_THAT(refused["error"].get<std::string>(), HasSubstr("4 captures are running"));
    readers.clear();
    wait_until_none(lab);
    lab.worker().call([&] { EXPECT_TRUE(lab.worker().taps().empty()); });
    const Reader again{lab};
}

TEST(CapturesTest, CountsExactly) {
    Lab lab;
    const Reader reader{lab, {{"command", "capture"}, {"count", 3}}};
    for (std::uint32_t i = 1; i <= 5; ++i) {
        lab.discover(i);
    }
    EXPECT_EQ(reader.read().comments.size(), 3u);
    wait_until_none(lab);
}

TEST(CapturesTest, FinishItsFileWhenTheServerStops) {
    auto lab = std::make_unique<Lab>();
    const Reader reader{*lab};
    lab->discover(1);
    lab.reset();
    const Reader::File file = reader.read();
    EXPECT_EQ(file.comments.size(), 2u);
    EXPECT_EQ(file.statistics, 1u);
}

TEST(CapturesTest, AConnectionWithoutACaptureIsClosed) {
    Lab lab;
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const FileHandle mine{ends[0]};
    lab.control().stream(77, FileHandle{ends[1]}, "!");
    char byte = 0;
    EXPECT_EQ(recv(mine.get(), &byte, 1, 0), 0);
}

}  // namespace
}  // namespace xdhcpd::control
