#include "config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "base/addresses.h"
#include "base/bytes.h"

namespace xdhcpd::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kPlainTag = "?";
constexpr std::string_view kQuotedTag = "!";
constexpr std::string_view kTextTag = "tag:yaml.org,2002:str";

Place to_place(const YAML::Mark& mark) {
    return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
}

// The length of the UTF-8 sequence at the start of `text`, 0 if it is none (RFC 3629 section 4).
std::size_t utf8_len(std::string_view text) {
    const auto at = [text](std::size_t index) -> unsigned {
        return index < text.size() ? static_cast<unsigned char>(text[index]) : 0;
    };
    const unsigned first = at(0);
    if (first < 0x80) {
        return 1;
    }
    const std::size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    const unsigned second_min = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned second_max = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at(1) < second_min || at(1) > second_max) {
        return 0;
    }
    for (std::size_t i = 2; i < len; ++i) {
        if (at(i) < 0x80 || at(i) > 0xbf) {
            return 0;
        }
    }
    return len;
}

// `text` with every byte replaced that yaml-cpp would take for something else (its end of file is
// the character 4); the first one of each line is reported.
std::string checked_characters(std::string_view text, Reporter& reporter) {
    std::string result{text};
    int line = 1;
    std::size_t line_start = 0;
    bool line_reported = false;
    for (std::size_t at = 0; at < text.size();) {
        const auto code = static_cast<unsigned char>(text[at]);
        if (code == '\n') {
            ++line;
            line_start = ++at;
            line_reported = false;
            continue;
        }
        const std::size_t len = utf8_len(text.substr(at));
        const bool control = (code < 0x20 && code != '\t' && code != '\r') || code == 0x7f;
        if (len != 0 && !control) {
            at += len;
            continue;
        }
        if (!line_reported) {
            const std::string byte = "0x" + to_hex(as_bytes(text.substr(at, 1)));
            reporter.error({line, static_cast<int>(at - line_start) + 1},
                           control ? "control character " + byte + " in the text"
                                   : "byte " + byte + " is not UTF-8; save the file as UTF-8");
            line_reported = true;
        }
        result[at] = '_';
        ++at;
    }
    return result;
}

// Whether the quoted scalar that starts at `offset` ends before the text does.
bool has_closing_quote(std::string_view text, std::size_t offset) {
    const char quote = text[offset];
    for (std::size_t at = offset + 1; at < text.size(); ++at) {
        if (quote == '"' && text[at] == '\\') {
            ++at;
        } else if (text[at] == quote) {
            const bool doubled = quote == '\'' && at + 1 < text.size() && text[at + 1] == quote;
            if (!doubled) {
                return true;
            }
            ++at;
        }
    }
    return false;
}

// Whether `text` begins with a null that somebody wrote, or with properties of one.
bool is_written_null(std::string_view text) {
    for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
        if (text.starts_with(word)) {
            const std::string_view rest = text.substr(word.size());
            return rest.empty() ||
                   std::string_view{" \t\r\n,]}:"}.find(rest[0]) != std::string_view::npos;
        }
    }
    return text.starts_with('&') || text.starts_with('!');
}

// Builds a Document from yaml-cpp's events. Throws a ParserException to stop the parser, which is
// how yaml-cpp itself reports; parse_yaml() catches them all.
class TreeBuilder : public YAML::EventHandler {
  public:
    TreeBuilder(std::string_view text, Document& document, Reporter& reporter)
        : text_{text}, document_{document}, reporter_{reporter} {}

    void OnDocumentStart(const YAML::Mark& mark) override { start_offset_ = mark.pos; }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        attach(document_.add(Node::Kind::kNull, null_place(mark)), anchor, mark);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto target = anchors_.find(anchor);
        if (target == anchors_.end() || is_open(*target->second)) {
            throw YAML::ParserException{mark, "this alias stands inside what it names"};
        }
        alias_node_count_ += target->second->expanded_count;
        if (alias_node_count_ > kMaxAliasNodeCount) {
            throw YAML::ParserException{mark, "aliases repeat more than " +
                                                  std::to_string(kMaxAliasNodeCount) +
                                                  " elements; write less or without aliases"};
        }
        adopt(*target->second, mark);
    }

    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Node& node = document_.add(Node::Kind::kScalar, to_place(mark), value);
        node.quoted = tag == kQuotedTag || tag == kTextTag;
        if (tag != kTextTag) {
            check_tag(tag, node.place);
        }
        const auto offset = static_cast<std::size_t>(std::max(mark.pos, 0));
        if (offset < text_.size() && (text_[offset] == '"' || text_[offset] == '\'') &&
            !has_closing_quote(text_, offset)) {
            throw YAML::ParserException{mark, "this quote is never closed"};
        }
        attach(node, anchor, mark);
    }

    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Node::Kind::kSequence, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Node::Kind::kMap, mark, tag, anchor);
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] int start_offset() const noexcept { return start_offset_; }
    // The place of the innermost list or map that has not ended.
    [[nodiscard]] Place innermost() const { return open_.empty() ? Place{} : open_.back()->place; }

  private:
    void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
              YAML::anchor_t anchor) {
        if (open_.size() >= kMaxDepth) {
            throw YAML::ParserException{
                mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
        }
        Node& node = document_.add(kind, to_place(mark));
        check_tag(tag, node.place);
        remember(node, anchor);
        open_.push_back(&node);
    }

    // The node is complete: give it to the one it stands in.
    void close() {
        Node& node = *open_.back();
        open_.pop_back();
        adopt(node, YAML::Mark::null_mark());
    }

    void attach(Node& node, YAML::anchor_t anchor, const YAML::Mark& mark) {
        remember(node, anchor);
        adopt(node, mark);
    }

    void adopt(const Node& node, const YAML::Mark& mark) {
        if (open_.empty()) {
            document_.set_root(node);
            return;
        }
        Node& parent = *open_.back();
        parent.children.push_back(&node);
        parent.expanded_count += node.expanded_count;
        if (parent.expanded_count > kMaxNodeCount) {
            throw YAML::ParserException{mark,
                                        "more than " + std::to_string(kMaxNodeCount) + " elements"};
        }
    }

    void remember(Node& node, YAML::anchor_t anchor) {
        if (anchor != YAML::NullAnchor) {
            anchors_[anchor] = &node;
        }
    }

    [[nodiscard]] bool is_open(const Node& node) const {
        return std::ranges::find(open_, &node) != open_.end();
    }

    void check_tag(const std::string& tag, Place place) {
        if (!tag.empty() && tag != kPlainTag && tag != kQuotedTag) {
            reporter_.error(place, "tags such as '" + tag + "' mean nothing here; leave it out");
        }
    }

    // yaml-cpp places an element that is not there at the token behind it. Point at the character
    // that announced it.
    [[nodiscard]] Place null_place(const YAML::Mark& mark) const {
        const Place place = to_place(mark);
        const auto offset = static_cast<std::size_t>(std::max(mark.pos, 0));
        if (is_written_null(text_.substr(std::min(offset, text_.size())))) {
            return place;
        }
        const std::size_t before = text_.substr(0, offset).find_last_not_of(" \t\r\n");
        if (before == std::string_view::npos ||
            std::string_view{"-,[{:?"}.find(text_[before]) == std::string_view::npos) {
            return place;
        }
        const std::string_view between = text_.substr(before, offset - before);
        const auto line_count = std::ranges::count(between, '\n');
        const std::size_t line_start = line_count == 0
                                           ? offset - static_cast<std::size_t>(place.column - 1)
                                           : text_.substr(0, before).rfind('\n') + 1;
        return {place.line - static_cast<int>(line_count),
                static_cast<int>(before - line_start) + 1};
    }

    std::string_view text_;
    Document& document_;
    Reporter& reporter_;
    std::vector<Node*> open_;
    std::unordered_map<YAML::anchor_t, Node*> anchors_;
    std::size_t alias_node_count_ = 0;
    int start_offset_ = 0;
};

// Whether anything but white space and comments follows; a second document is an error.
class SecondDocument : public YAML::EventHandler {
  public:
    explicit SecondDocument(Reporter& reporter) : reporter_{reporter} {}

    // At a token that begins nothing, such as ']', yaml-cpp finds empty documents for ever.
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (mark.pos == last_start_offset_) {
            throw YAML::ParserException{mark, "this belongs to nothing"};
        }
        last_start_offset_ = mark.pos;
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { found(mark); }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  const std::string&) override {
        found(mark);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override {
        found(mark);
    }
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override {
        found(mark);
    }
    void OnMapEnd() override {}
    [[nodiscard]] bool was_found() const noexcept { return found_; }
    void set_last_start_offset(int offset) noexcept { last_start_offset_ = offset; }

  private:
    // Its content does not matter, nor its depth, so the parser need not go on.
    void found(const YAML::Mark& mark) {
        found_ = true;
        reporter_.error(to_place(mark), "a second document starts here; one file is one document");
        throw YAML::ParserException{mark, "second document"};
    }

    Reporter& reporter_;
    int last_start_offset_ = -1;
    bool found_ = false;
};

// The tab in the indentation of the line that starts at `line_start`, or npos.
std::size_t indentation_tab(std::string_view text, std::size_t line_start) {
    const std::size_t at = text.find_first_not_of(' ', line_start);
    return at != std::string_view::npos && text[at] == '\t' ? at : std::string_view::npos;
}

// Says what yaml-cpp could not read. Its words where they are good, ours where they are not;
// `unclosed` is the innermost structure that was open.
void report_syntax(const YAML::Exception& error, std::string_view text, Place unclosed,
                   Reporter& reporter) {
    const YAML::Mark& mark = error.mark;
    const Place place = to_place(mark);
    const std::size_t offset =
        std::min(static_cast<std::size_t>(std::max(mark.pos, 0)), text.size());
    const std::size_t line_start =
        offset - std::min(offset, static_cast<std::size_t>(std::max(mark.column, 0)));
    const std::size_t tab = indentation_tab(text, line_start);
    if (tab != std::string_view::npos) {
        reporter.error({place.line, static_cast<int>(tab - line_start) + 1},
                       "not YAML: a tab in the indentation; spaces were meant");
        return;
    }
    const bool flow_sequence = error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW;
    if (flow_sequence || error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW) {
        const std::string what = flow_sequence ? "list" : "map";
        const std::string meant = flow_sequence ? "']' or ',' was meant" : "'}' or ',' was meant";
        if (offset == 0 || offset == text.size()) {
            reporter.error(unclosed, "not YAML: this " + what + " is never closed; " + meant);
        } else {
            reporter.error(place, "not YAML: " + meant + " here, to go on with the " + what +
                                      " of " + to_string(unclosed));
        }
        return;
    }
    std::string message = error.msg;
    if (error.msg == YAML::ErrorMsg::MAP_VALUE) {
        message =
            "':' in a place where no 'key: value' can stand; indentation, or quotes around the "
            "text?";
    } else if (error.msg == YAML::ErrorMsg::FLOW_END) {
        message = "this closes nothing; was the list or map closed before?";
    } else if (error.msg == YAML::ErrorMsg::END_OF_MAP) {
        message = "this line does not continue the map above it; indentation?";
    } else if (error.msg == YAML::ErrorMsg::END_OF_SEQ) {
        message = "this line does not continue the list above it; indentation?";
    }
    reporter.error(place, "not YAML: " + message);
}

bool read_documents(const std::string& text, Document& document, Reporter& reporter) {
    std::istringstream stream{text};
    SecondDocument second{reporter};
    TreeBuilder builder{text, document, reporter};
    try {
        YAML::Parser parser{stream};
        if (parser.HandleNextDocument(builder)) {
            second.set_last_start_offset(builder.start_offset());
            while (parser.HandleNextDocument(second)) {
            }
        }
        return true;
    } catch (const YAML::Exception& error) {
        if (second.was_found()) {
            return true;
        }
        report_syntax(error, text, builder.innermost(), reporter);
    } catch (const std::exception& error) {
        reporter.error({}, std::string{"cannot be read as YAML: "} + error.what());
    }
    return false;
}

}  // namespace

std::unique_ptr<Document> parse_yaml(std::string_view text, Reporter& reporter) {
    if (text.size() > kMaxTextLen) {
        reporter.error({}, "larger than " + std::to_string(kMaxTextLen >> 20) + " MiB");
        return nullptr;
    }
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
        reporter.error({}, "the text is UTF-16; save it as UTF-8");
        return nullptr;
    }
    if (text.starts_with(kByteOrderMark)) {
        text.remove_prefix(kByteOrderMark.size());
    }
    auto document = std::make_unique<Document>();
    const std::string checked = checked_characters(text, reporter);
    if (!read_documents(checked, *document, reporter)) {
        return nullptr;
    }
    return document;
}

}  // namespace xdhcpd::config
