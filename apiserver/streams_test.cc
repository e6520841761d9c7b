// The protocols of streams, without sockets: SPDY frames, WebSocket channels, handshakes, proxied URLs and
// bodies.
#include <gtest/gtest.h>
#include <zlib.h>

#include "apiserver/exec_session.h"
#include "apiserver/http_head.h"
#include "apiserver/proxy_target.h"
#include "apiserver/spdy.h"
#include "apiserver/spdy_headers.h"
#include "apiserver/upgrade.h"
#include "apiserver/wire.h"
#include "base/text.h"

namespace minik::apiserver {
namespace {

std::string hex_bytes(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string number(std::size_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}

// A client's SYN_STREAM.
std::string syn(spdy::Deflater& deflater, std::uint32_t stream, const spdy::Headers& headers,
                bool fin = false) {
  const std::string payload = number(stream, 4) + number(0, 6) + deflater.block(headers);
  return number(0x80030001, 4) + number(fin ? 1 : 0, 1) + number(payload.size(), 3) + payload;
}

// A client's masked frame.
std::string masked(int first_byte, const std::string& payload) {
  std::string frame(1, static_cast<char>(first_byte));
  frame += static_cast<char>(0x80 | payload.size());
  frame += "abcd";
  for (std::size_t i = 0; i < payload.size(); ++i) frame += static_cast<char>(payload[i] ^ "abcd"[i % 4]);
  return frame;
}

std::string text_of(const std::vector<WireEvent>& events) {
  std::string text;
  for (const auto& event : events) {
    text +=
        std::string("ODERC").substr(static_cast<std::size_t>(event.kind), 1) + std::to_string(event.stream);
    if (!event.data.empty()) text += "(" + event.data + ")";
    for (const auto& [name, value] : event.headers) text += "[" + name + "=" + value + "]";
    text += ' ';
  }
  return text;
}

TEST(Spdy, RepliesAsSeenOnTheWire) {
  spdy::Encoder encoder;
  EXPECT_EQ(to_hex(encoder.reply(1)).substr(0, 24), "800300020000001000000001");
  spdy::Inflater inflater;
  const std::string first = spdy::Encoder().reply(1).substr(12);
  EXPECT_TRUE(inflater.block(first).value().empty());
  EXPECT_EQ(to_hex(spdy::Encoder::ping(1)), "800300060000000400000001");
  EXPECT_EQ(to_hex(spdy::Encoder::data(3, "hi", true)), "00000003010000026869");
}

TEST(Spdy, HeaderBlocksShareOneStreamWithTheDictionary) {
  spdy::Deflater client(true);
  spdy::Inflater server;
  const std::string first = client.block({{"streamtype", "error"}, {"port", "80"}});
  EXPECT_EQ(to_hex(first).substr(4, 8), "e3c6a7c2");
  EXPECT_EQ(server.block(first).value(), (spdy::Headers{{"streamtype", "error"}, {"port", "80"}}));
  const std::string second = client.block({{"StreamType", "data"}});
  EXPECT_EQ(server.block(second).value(), (spdy::Headers{{"streamtype", "data"}}));
  EXPECT_FALSE(server.block("garbage that is no deflate stream").ok());
}

TEST(Spdy, RefusesABlockThatGrowsWithoutBound) {
  spdy::Deflater client(true);
  spdy::Inflater server;
  EXPECT_FALSE(server.block(client.block({{"x", std::string(200'000, 'x')}})).ok());
}

TEST(Spdy, TakesFramesHoweverTheyAreCut) {
  spdy::Deflater deflater(true);
  std::string bytes = syn(deflater, 1, {{"streamtype", "error"}});
  bytes += syn(deflater, 3, {{"streamtype", "stdin"}});  // Behind the first: they share one zlib stream.
  bytes += hex_bytes("800300040000000400000000") + spdy::Encoder::data(3, "hello", false);
  bytes += spdy::Encoder::data(3, "", true) + spdy::Encoder::ping(7) + spdy::Encoder::reset(3, 5) +
           spdy::Encoder::go_away(0);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, bytes.size()}) {
    const auto wire = make_spdy_wire();
    std::string data;
    std::vector<WireEvent> events;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const auto fed = wire->feed(std::string_view(bytes).substr(at, piece), events);
      ASSERT_TRUE(fed.ok()) << fed.error().message() << " at " << at << " by " << piece;
    }
    for (const auto& event : events) data += event.data;
    EXPECT_EQ(data, "hello");
    if (piece == bytes.size()) {
      EXPECT_EQ(text_of(events), "O1[streamtype=error] O3[streamtype=stdin] D3(hello) E3 R3 C0 ");
    }
    EXPECT_NE(wire->out().find(spdy::Encoder::ping(7)), std::string::npos);
  }
}

TEST(Spdy, RefusesLongControlFramesAndOtherVersions) {
  for (const char* hex : {"8003000100ffffff", "8002000600000004", "800300060000000100"}) {
    spdy::Decoder decoder;
    decoder.feed(hex_bytes(hex) + std::string(4, 'x'));
    EXPECT_FALSE(decoder.next().ok()) << hex;
  }
}

TEST(Spdy, SaysNothingOnStreamsThatAreOver) {
  spdy::Deflater deflater(true);
  const auto wire = make_spdy_wire();
  std::vector<WireEvent> events;
  ASSERT_TRUE(wire->feed(syn(deflater, 1, {}) + spdy::Encoder::reset(1, 5), events).ok());
  wire->out().clear();
  wire->data(1, "late");
  wire->end(1);
  EXPECT_EQ(wire->out(), "");
}

TEST(Tunnel, IsABytesStreamInMessagesOfAnySize) {
  spdy::Deflater deflater(true);
  const std::string bytes = syn(deflater, 1, {{"streamtype", "data"}}) + spdy::Encoder::data(1, "x", true);
  std::string frames = masked(0x82, "");
  for (const char c : bytes) frames += masked(0x82, std::string(1, c));
  const auto wire = make_tunnel_wire();
  std::vector<WireEvent> events;
  ASSERT_TRUE(wire->feed(frames + masked(0x88, hex_bytes("03e8")), events).ok());
  EXPECT_EQ(text_of(events), "O1[streamtype=data] D1(x) E1 C0 ");
  EXPECT_TRUE(wire->out().ends_with(hex_bytes("880203e8")));
}

TEST(Channels, SpeakV5) {
  const auto wire = make_channel_wire();
  std::vector<WireEvent> events;
  ASSERT_TRUE(wire->feed(masked(0x82, std::string("\0hello", 6)) + masked(0x89, "p") + masked(0x82, "") +
                             masked(0x82, hex_bytes("ff00")) + masked(0x82, hex_bytes("04") + "{}"),
                         events)
                  .ok());
  EXPECT_EQ(text_of(events), "D0(hello) E0 D4({}) ");
  EXPECT_EQ(to_hex(wire->out()), "8a0170");
  wire->out().clear();
  wire->data(1, "hi\n");
  wire->close();
  EXPECT_EQ(to_hex(wire->out()),
            "82040168690a"
            "880203e8");
}

TEST(Channels, JoinFragmentsAndRefuseUnmaskedFrames) {
  const auto wire = make_channel_wire();
  std::vector<WireEvent> events;
  ASSERT_TRUE(wire->feed(masked(0x02, std::string("\0ab", 3)) + masked(0x80, "cd"), events).ok());
  EXPECT_EQ(text_of(events), "D0(abcd) ");
  EXPECT_FALSE(wire->feed(hex_bytes("820100"), events).ok());
}

std::multimap<std::string, std::string> spdy_headers(std::vector<std::string> protocols) {
  std::multimap<std::string, std::string> headers{{"connection", "Upgrade"}, {"upgrade", "SPDY/3.1"}};
  for (auto& protocol : protocols) headers.emplace("x-stream-protocol-version", std::move(protocol));
  return headers;
}

std::multimap<std::string, std::string> socket_headers(const std::string& protocol) {
  return {{"connection", "keep-alive, Upgrade"},
          {"upgrade", "websocket"},
          {"sec-websocket-key", "x"},
          {"sec-websocket-version", "13"},
          {"sec-websocket-protocol", protocol}};
}

TEST(Handshake, TakesTheClientsFirstProtocolThatIsSpoken) {
  const auto old = agree("exec", spdy_headers({"v4.channel.k8s.io", "v3.channel.k8s.io", "channel.k8s.io"}));
  EXPECT_EQ(old->protocol, "v4.channel.k8s.io");
  EXPECT_EQ(old->version, 4);
  EXPECT_EQ(agree("exec", spdy_headers({"v9.channel.k8s.io", "v2.channel.k8s.io"}))->version, 2);
  EXPECT_EQ(agree("exec", spdy_headers({}))->protocol, "");
  EXPECT_EQ(agree("attach", socket_headers("v5.channel.k8s.io"))->how, Agreement::How::kChannels);
  EXPECT_EQ(agree("portforward", socket_headers("SPDY/3.1+portforward.k8s.io"))->how,
            Agreement::How::kTunnel);
  EXPECT_EQ(agree("portforward", socket_headers("v4.channel.k8s.io"))->version, 4);
}

TEST(Handshake, RefusesWithWhatClientsFallBackOn) {
  EXPECT_EQ(agree("exec", {}).error().message(), "Upgrade request required");
  EXPECT_FALSE(agree("exec", socket_headers("SPDY/3.1+portforward.k8s.io")).ok());
  EXPECT_FALSE(agree("exec", socket_headers("")).ok());
  EXPECT_EQ(agree("portforward", spdy_headers({"v4.channel.k8s.io"})).error().code(), Code::kForbidden);
}

TEST(ExitText, IsAStatusSinceV4) {
  EXPECT_EQ(exit_text(0, 4), R"({"metadata":{},"status":"Success"})");
  const Json failed = parse_json(exit_text(3, 5)).value();
  EXPECT_EQ(failed["reason"], "NonZeroExitCode");
  EXPECT_EQ(failed["details"]["causes"][0]["message"], "3");
  EXPECT_EQ(exit_text(0, 3), "");
  EXPECT_EQ(exit_text(3, 1), "command terminated with non-zero exit code: exit status 3");
}

TEST(TerminalSize, ComesAsJson) {
  EXPECT_EQ(parse_terminal_size("{\"Width\":99,\"Height\":33}\n")->columns, 99);
  for (const char* bad : {"", "{", "[]", R"({"Width":0,"Height":3})", R"({"Width":70000,"Height":3})"})
    EXPECT_FALSE(parse_terminal_size(bad)) << bad;
}

TEST(FailedStart, EndsAsAShellWould) {
  EXPECT_EQ(code_of_failed_start("executable file `nope` not found in $PATH: No such file or directory"),
            127);
  EXPECT_EQ(code_of_failed_start("exec of /etc: Permission denied"), 126);
}

TEST(Body, EndsWhereItsFramingSays) {
  BodyMeter counted(parse_http_head("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"));
  EXPECT_EQ(counted.take("hel"), 3u);
  EXPECT_EQ(counted.take("loGET /api HTTP/1.1"), 2u);
  EXPECT_TRUE(counted.done());
  const std::string chunks = "5;x=y\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n";
  BodyMeter chunked(parse_http_head("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
  std::size_t taken = 0;
  for (const char c : chunks + "GET") taken += chunked.take({&c, 1});
  EXPECT_EQ(taken, chunks.size());
  BodyMeter broken(parse_http_head("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_EQ(broken.take("zz\r\nGET"), 4u);
  EXPECT_TRUE(BodyMeter(parse_http_head("GET / HTTP/1.1\r\n\r\n")).done());
}

TEST(Proxy, TakesNamesAndPathsApart) {
  EXPECT_EQ(split_scheme_name_port("https:web:443")->port, "443");
  EXPECT_EQ(split_scheme_name_port("web:http")->port, "http");
  EXPECT_FALSE(split_scheme_name_port("ftp:web:1"));
  EXPECT_FALSE(split_scheme_name_port(":80"));
  const std::string prefix = "/api/v1/namespaces/n/services/s:80/proxy";
  EXPECT_EQ(split_proxy_path(prefix + "/a%2Fb/"), std::pair(prefix, std::string("/a%2Fb/")));
  EXPECT_EQ(split_proxy_path(prefix).second, "");
}

TEST(Proxy, LeadsRedirectsThroughItself) {
  EXPECT_EQ(rewrite_location("/login", "h:1", "/p/proxy"), "/p/proxy/login");
  EXPECT_EQ(rewrite_location("http://h:1/login?x=1", "h:1", "/p/proxy"), "/p/proxy/login?x=1");
  EXPECT_EQ(rewrite_location("http://other/login", "h:1", "/p/proxy"), "http://other/login");
  EXPECT_EQ(rewrite_location("next", "h:1", "/p/proxy"), "next");
  EXPECT_EQ(rewrite_location("/p/proxy/x", "h:1", "/p/proxy"), "/p/proxy/x");
}

}  // namespace
}  // namespace minik::apiserver
